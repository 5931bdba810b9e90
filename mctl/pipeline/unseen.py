"""Are the test texts of a verdict texts that nothing was trained on?"""

from __future__ import annotations

from mctl.artifact import Artifact
from mctl.data import load
from mctl.errors import UserError
from mctl.pipeline.dataset import StageData
from mctl.pipeline.inherit import data_of, is_data_of
from mctl.pipeline.lineage import Lineage
from mctl.validators.gate import Check, data_check


def check_data(data: StageData, lineage: Lineage, *, unseen: bool, unknown: str | None) -> Check:
    """The integrity check of the data: the rows that the models were made from, or others with new test texts.

    The teacher may have been made from other rows than the student.

    Args:
        unseen: the user knows that nothing was trained on the test texts, where mctl cannot know.
        unknown: why models from elsewhere may have been trained on them.
    """
    recorded, found = lineage.source.manifest.data, data.dataset
    made_from = {artifact.manifest.data.get("sha256"): artifact for artifact in (lineage.source, lineage.baseline)}
    others = [artifact for sha256, artifact in made_from.items() if sha256 != found.sha256]
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
    """How many test texts these were trained on; None where the data of a training are not at hand any more."""
    trained_on: set[int] = set()
    for artifact in models:
        try:
            of_training = load(data_of(artifact))
        except UserError:
            return None
        if of_training.sha256 != artifact.manifest.data.get("sha256"):
            return None
        trained_on |= {hash(text) for text in of_training.splits["train"].texts}
    return sum(hash(text) in trained_on for text in data.splits["test"].texts)
