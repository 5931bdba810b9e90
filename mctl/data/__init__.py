"""Labelled texts: load, check, clean, split, fingerprint.

    from mctl.data import DataSettings, load

    dataset = load(DataSettings(source="news.csv"))
    dataset.splits["train"].texts

Importing this package is cheap: pandas, pyarrow and datasets are imported by the functions that read and clean.
"""

from __future__ import annotations

from mctl.data.dataset import SPLIT_NAMES, Columns, Dataset, Split, SplitName
from mctl.data.dropped import REASONS, Dropped
from mctl.data.labels import align_labels, select_labels
from mctl.data.report import CleaningReport, Example, Finding, report_as_dict
from mctl.data.settings import DataSettings

__all__ = [
    "REASONS",
    "SPLIT_NAMES",
    "CleaningReport",
    "Columns",
    "DataSettings",
    "Dataset",
    "Dropped",
    "Example",
    "Finding",
    "Split",
    "SplitName",
    "align_labels",
    "load",
    "report_as_dict",
    "select_labels",
]


def load(settings: DataSettings, *, to_judge: bool = False) -> Dataset:
    """Reads, cleans and splits the data that `settings` names.

    Args:
        settings: the data, and how they are cleaned.
        to_judge: the rows are to judge a model and not to make one. Then a file is a test split as a whole, train and
            dev are empty, and a folder needs no train split.

    The result does not depend on the order of the rows in the source, except where two spellings of one text, or (with
    `conflicts="first"`) two labels of one text, make the first one win.

    Raises:
        UserError: no source; a file or hub id that cannot be read; columns that cannot be found; fewer than two
            classes left after cleaning; a `limit` smaller than the number of classes; more rows dropped than
            `max_dropped` allows, or more than half of a dev or test split.
    """
    from mctl.data.loading import load_dataset  # pandas: not paid for by `import mctl.data`

    return load_dataset(settings, to_judge=to_judge)
