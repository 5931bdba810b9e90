"""Finding and dropping what would spoil training or evaluation.

Rows live in a pandas frame, see `to_frame`. Splits stand in the order test, dev, train, so that of several copies of a
text the first is the one in the most evaluation-like split, and keeping the first never leaks test into train. Every
step takes the frame and returns what is left and what it found; all are hash-based, so linear in rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import pandas as pd

from mctl.data.columns import LABEL_NAMES, TEXT_NAMES
from mctl.data.report import CleaningReport, Example, Finding, FindingKind
from mctl.data.rows import Rows
from mctl.data.settings import DataSettings
from mctl.data.split_names import WHOLE
from mctl.data.text import comparison_key, folded, shortened

Frame: TypeAlias = Any
"""A `pandas.DataFrame`: pandas is not type-checked here."""
Mask: TypeAlias = Any
"""A boolean `pandas.Series`, one value a row of a frame."""

_EVALUATION_FIRST = ("test", "dev", "train", WHOLE)
_EXAMPLES = 3


def clean(source: Mapping[str, Rows], settings: DataSettings) -> tuple[Frame, CleaningReport]:
    """Drops repeated headers, empty and unlabelled rows, conflicts, copies, leaks, and classes that are too small.

    Args:
        source: rows by split, or by `WHOLE`.
        settings: `conflicts` and `min_texts_per_class` are used.

    Returns:
        The rows left, as in `to_frame`; no key occurs twice. And the report.
    """
    column_names = frozenset(folded(name) for rows in source.values() for name in rows.columns)
    frame = to_frame(source)
    rows, findings = _drop(frame, _is_header(frame, column_names), "header_row")
    labelled, found = _drop_unusable(rows)
    findings += found
    single, found = _drop_repeated(labelled, settings.conflicts)
    findings += found
    findings += _vanished(rows, single)
    kept, found = _drop_small_classes(single, settings.min_texts_per_class)
    findings += found
    findings += _labels_alike(kept)
    rows_kept = kept["split"].value_counts().to_dict()
    report = CleaningReport(
        rows_read={split: len(as_read.numbers) for split, as_read in source.items()},
        rows_kept={split: int(rows_kept.get(split, 0)) for split in source},
        findings=tuple(findings),
    )
    return kept, report


def to_frame(source: Mapping[str, Rows]) -> Frame:
    """One frame of all rows: `split` of the source, `row` (number there), `text`, `label`, `key` (what is compared)."""
    return pd.concat(
        [_split_frame(split, source[split]) for split in _EVALUATION_FIRST if split in source], ignore_index=True
    )


def _split_frame(split: str, rows: Rows) -> Frame:
    names: dict[str, str] = {}
    labels = [names.setdefault(label, comparison_key(label)) for label in rows.labels]
    columns = {
        "text": pd.Series(rows.texts, dtype=object),  # object: the strings are shared with `rows`, not copied
        "label": pd.Series(labels, dtype=object),
        "key": pd.Series([comparison_key(text) for text in rows.texts], dtype=object),
    }
    return pd.DataFrame({"split": split, "row": list(rows.numbers), **columns}).astype({"split": object})


def _drop(frame: Frame, dropped: Mask, kind: FindingKind, what: str = "dropped") -> tuple[Frame, list[Finding]]:
    """Splits off the masked rows as one finding; none if the mask is empty."""
    if not dropped.any():
        return frame, []
    return frame[~dropped], [_finding(frame[dropped], kind, what)]


def _finding(rows: Frame, kind: FindingKind, what: str) -> Finding:
    return Finding(kind, len(rows), what, examples_of(rows))


def examples_of(rows: Frame) -> tuple[Example, ...]:
    """The first three rows of a frame."""
    first = rows.head(_EXAMPLES)[["split", "row", "text", "label"]].itertuples(index=False)
    return tuple(Example(str(split), int(row), shortened(text), label) for split, row, text, label in first)


def _drop_unusable(frame: Frame) -> tuple[Frame, list[Finding]]:
    frame, empty = _drop(frame, frame["key"] == "", "empty_text")
    frame, unlabelled = _drop(frame, frame["label"] == "", "missing_label")
    return frame, empty + unlabelled


def _is_header(frame: Frame, column_names: frozenset[str]) -> Mask:
    """Rows that repeat a header, as files joined from several do: both cells name a column, or the text is gone."""
    header_labels = [name for name in frame["label"].unique() if folded(name) in column_names | LABEL_NAMES]
    candidates = frame["label"].isin(header_labels)
    header_texts = column_names | TEXT_NAMES | {""}
    header_keys = [key for key in frame.loc[candidates, "key"].unique() if folded(key) in header_texts]
    return candidates & frame["key"].isin(header_keys)


def _drop_repeated(frame: Frame, conflicts: Literal["drop", "first"]) -> tuple[Frame, list[Finding]]:
    """Leaves one row of each key: without conflict, in the most evaluation-like split, the first there."""
    frame, conflicting = _drop_conflicts(frame, conflicts)
    again = frame.duplicated("key")
    first_split = frame[~again].set_index("key")["split"]
    leaked = again & (frame["key"].map(first_split) != frame["split"])
    exact = again & ~leaked & frame.duplicated(["split", "text"])
    kinds: tuple[tuple[FindingKind, Mask, str], ...] = (
        ("shared_between_splits", leaked, "dropped here, kept in the split nearer to test"),
        ("exact_duplicate", exact, "dropped, the first kept"),
        ("normalised_duplicate", again & ~leaked & ~exact, "dropped, the first kept: equal after NFC and spacing"),
    )
    findings = [_finding(frame[mask], kind, what) for kind, mask, what in kinds if mask.any()]
    return frame[~again], conflicting + findings


def _drop_conflicts(frame: Frame, conflicts: Literal["drop", "first"]) -> tuple[Frame, list[Finding]]:
    labels_of_texts = frame.drop_duplicates(["key", "label"])
    keys = labels_of_texts.loc[labels_of_texts.duplicated("key"), "key"].unique()
    mask = frame["key"].isin(keys)
    if conflicts == "drop":
        return _drop(frame, mask, "conflicting_labels", f"all copies of {len(keys)} texts dropped")
    first_label = frame[mask].drop_duplicates("key").set_index("key")["label"]
    loses = mask & (frame["key"].map(first_label) != frame["label"])
    return _drop(frame, loses, "conflicting_labels", f"dropped, the first label of {len(keys)} texts kept")


def _vanished(before: Frame, after: Frame) -> list[Finding]:
    gone = before[~before["label"].isin(after["label"].unique()) & (before["label"] != "")]
    if gone.empty:
        return []
    return [_finding(gone, "class_vanished", f"no row left of {_counted(gone)}, for the reasons above")]


def _drop_small_classes(frame: Frame, minimum: int) -> tuple[Frame, list[Finding]]:
    """Drops, from every split, the classes with fewer than `minimum` texts to train and split on."""
    pool = frame[frame["split"].isin(("train", WHOLE))]["label"].value_counts()
    sizes = frame["label"].map(pool).fillna(0)
    small = sizes < minimum
    what = f"dropped, fewer than {minimum} distinct texts to train on: {_counted(frame[small])}"
    return _drop(frame, small, "class_too_small", what)


def _labels_alike(frame: Frame) -> list[Finding]:
    """Classes whose names differ in case only. They are kept apart: they may be meant."""
    names = pd.Series(sorted(frame["label"].unique()), dtype=object)
    alike = names[names.map(folded).duplicated(keep=False)]
    if alike.empty:
        return []
    return [_finding(frame[frame["label"].isin(alike)], "labels_alike", f"kept apart: {', '.join(alike)}")]


def _counted(rows: Frame) -> str:
    """The classes of some rows with their counts: "Travel (3), Weather (1)"."""
    counts = rows["label"].value_counts()
    return ", ".join(f"{name} ({counts[name]})" for name in sorted(counts.index))
