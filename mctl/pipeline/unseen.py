"""Are the test texts of a verdict texts that nothing was trained on?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from mctl.artifact import Artifact
from mctl.data import load
from mctl.data.text import comparison_key
from mctl.errors import UserError
from mctl.pipeline.dataset import StageData
from mctl.pipeline.inherit import data_of, is_data_of
from mctl.pipeline.lineage import Lineage
from mctl.pipeline.unlabelled import unlabelled_keys
from mctl.validators.gate import Check, data_check


def check_data(data: StageData, lineage: Lineage, *, unseen: bool, unknown: str | None) -> Check:
    """The integrity check of the data: the rows that the models were made from, or others with new test texts.

    The teacher may have been made from other rows than the student.

    Args:
        unseen: the user knows that nothing was trained on the test texts, where mctl cannot know.
        unknown: why models from elsewhere may have been trained on them.
    """
    recorded, found = lineage.source.manifest.data, data.dataset
    models = (lineage.source, lineage.baseline)
    others = [artifact for artifact in models if artifact.manifest.data.get("sha256") != found.sha256]
    return data_check(
        found.source,
        same_rows=not others,
        same_source=found.sha256 != recorded.get("sha256") and is_data_of(found.source, lineage.source),
        texts=len(data.splits["test"].texts),
        seen=_seen(data, others),
        said_to_be_unseen=unseen,
        unknown=unknown,
    )


def _seen(data: StageData, models: list[Artifact]) -> int | None:
    """How many test texts these were trained on; None where the texts of a training are not at hand any more.

    Two texts are the same if they are for cleaning: it ignores the number of spaces, and characters that nobody sees.
    """
    tests = Counter(map(comparison_key, data.splits["test"].texts))
    learnt: set[str] = set()
    try:
        learnt.update(key for key in _keys_of_training(models) if key in tests)
    except UserError:
        return None
    return sum(tests[key] for key in learnt)


def _keys_of_training(models: list[Artifact]) -> Iterator[str]:
    """The comparison keys of texts that models were trained on, also of those that they learnt a teacher's answers to.

    Raises:
        UserError: they are not what they were, or not there.
    """
    for sha256, artifact in {artifact.manifest.data.get("sha256"): artifact for artifact in models}.items():
        of_training = load(data_of(artifact))
        if of_training.sha256 != sha256:
            raise UserError("the rows are not those that the artifact was made from.", where=of_training.source)
        yield from map(comparison_key, of_training.splits["train"].texts)
        for one in models:
            if one.manifest.data.get("sha256") == sha256:
                yield from unlabelled_keys(one, of_training)
