"""Are the test texts of a verdict texts that nothing was trained on?"""

from __future__ import annotations

from mctl.data import load
from mctl.errors import UserError
from mctl.pipeline.dataset import StageData
from mctl.pipeline.inherit import data_of
from mctl.pipeline.lineage import Lineage
from mctl.validators.gate import Check, data_check


def check_data(data: StageData, lineage: Lineage, *, unseen: bool) -> Check:
    """The integrity check of the data: the rows that the models were made from, or others with new test texts.

    Args:
        unseen: the user knows that nothing was trained on the test texts, where mctl cannot know.
    """
    recorded, found = lineage.source.manifest.data, data.dataset
    same_rows = found.sha256 == recorded.get("sha256")
    return data_check(
        found.source,
        same_rows=same_rows,
        same_source=found.source == recorded.get("source"),
        texts=len(data.splits["test"].texts),
        seen=0 if same_rows else _seen(data, lineage),
        said_to_be_unseen=unseen,
    )


def _seen(data: StageData, lineage: Lineage) -> int | None:
    """How many test texts the models were trained on; None where the data of the training are not at hand any more."""
    manifest = lineage.source.manifest
    try:
        of_training = load(data_of(lineage.source))
    except UserError:
        return None
    if of_training.sha256 != manifest.data.get("sha256"):
        return None
    trained_on = {hash(text) for text in of_training.splits["train"].texts}
    return sum(hash(text) in trained_on for text in data.splits["test"].texts)
