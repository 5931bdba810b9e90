"""Finding and dropping what would spoil training or evaluation.

Everything here works on `Facts`: arrays of numbers, one a row, in the order test, dev, train. Every step takes what has
become of the rows so far, and returns what becomes of them now and what it found. Each costs a sort at most.
"""

from __future__ import annotations

import re
from typing import Literal

import numpy as np

from mctl.data.dropped import Dropped
from mctl.data.facts import Facts, Fate
from mctl.data.findings import Fates, Mask, counted, dropped, finding, per_label
from mctl.data.report import CleaningReport, Finding
from mctl.data.settings import DataSettings
from mctl.data.spelling import as_number
from mctl.data.split_names import WHOLE
from mctl.data.stored import Positions
from mctl.data.text import folded

_BETWEEN_LABELS = re.compile("[,;|]")
_MANY_JOINED = 0.05
"""Share of the rows, or of the labels, from which on labels that join others are told."""


def clean(facts: Facts, settings: DataSettings) -> tuple[Positions, CleaningReport, Dropped]:
    """Drops repeated headers, empty and unlabelled rows, conflicts, copies, leaks, and classes that are too small.

    Args:
        facts: of all rows.
        settings: `conflicts` and `min_texts_per_class` are used.

    Returns:
        The positions of the rows left, ascending; no two of them have the same text. The report; and the rows dropped.
    """
    fates = facts.records["fate"]
    findings = [
        found
        for fate in (Fate.HEADER_ROW, Fate.EMPTY_TEXT, Fate.MISSING_LABEL)
        for found in dropped(facts, fates, fate, "dropped")
    ]
    findings += _labels_joined(facts, fates == Fate.KEPT)
    copies = _Copies(facts, fates == Fate.KEPT)
    fates, found = _without_conflicts(copies, fates, settings.conflicts)
    findings += found
    fates, found = _without_copies(copies, fates)
    findings += found
    findings += _vanished(facts, fates)
    if {"train", WHOLE} & set(facts.splits):
        fates, found = _without_small_classes(facts, fates, settings.min_texts_per_class)
        findings += found
    findings += _labels_alike(facts, fates == Fate.KEPT)
    kept = np.flatnonzero(fates == Fate.KEPT)
    splits = facts.records["split"]
    report = CleaningReport(_per_split(facts, splits), _per_split(facts, splits[kept]), tuple(findings))
    lost = np.flatnonzero(fates != Fate.KEPT)
    numbers = facts.records["number"][lost]
    dropped_rows = Dropped(facts.splits, len(fates), splits[lost], fates[lost], numbers, facts.files)
    return kept, report, dropped_rows


class _Copies:
    """The rows that share their text with another one.

    Args:
        facts: of all rows.
        alive: the rows to look at.

    Attributes:
        rows: (copies,) positions; those of one text follow each other, in ascending order.
        first: (copies,) for each, the position of the first row with its text.
    """

    def __init__(self, facts: Facts, alive: Mask) -> None:
        self.facts = facts
        rows = np.flatnonzero(alive)
        order, key = facts.records["order"][rows], facts.records["key"][rows]
        by_text = np.lexsort((key, order))  # stable: copies stay in ascending order
        order, key = order[by_text], key[by_text]
        as_before = np.concatenate([[False], (order[1:] == order[:-1]) & (key[1:] == key[:-1])])[: len(rows)]
        is_copy = as_before | np.append(as_before[1:], False)[: len(rows)]
        begins = ~as_before[is_copy]
        self.rows: Positions = rows[by_text[is_copy]]
        self.first: Positions = self.rows[begins][np.cumsum(begins) - 1]


def _without_conflicts(
    copies: _Copies, fates: Fates, conflicts: Literal["drop", "first"]
) -> tuple[Fates, list[Finding]]:
    """Drops all rows of a text with two labels, or those whose label is not the first one's."""
    labels = copies.facts.records["label"]
    differs = labels[copies.rows] != labels[copies.first]
    texts = np.unique(copies.first[differs])
    texts_with_labels = "1 text" if len(texts) == 1 else f"{len(texts)} texts"
    fates = fates.copy()
    if conflicts == "drop":
        fates[copies.rows[np.isin(copies.first, texts)]] = Fate.CONFLICTING_LABELS
        what = f"all copies of {texts_with_labels} dropped"
    else:
        fates[copies.rows[differs]] = Fate.CONFLICTING_LABELS
        what = f"dropped, the first label of {texts_with_labels} kept"
    return fates, dropped(copies.facts, fates, Fate.CONFLICTING_LABELS, what)


def _without_copies(copies: _Copies, fates: Fates) -> tuple[Fates, list[Finding]]:
    """Leaves one row of each text: in the most evaluation-like split, the first there."""
    alive = fates[copies.rows] == Fate.KEPT
    rows, first = copies.rows[alive], copies.first[alive]
    splits = copies.facts.records["split"]
    again = rows != first
    leaked = again & (splits[rows] != splits[first])
    exact = again & ~leaked & _spelled_before(copies.facts, rows, first)
    fates = fates.copy()
    fates[rows[again]] = Fate.NORMALISED_DUPLICATE
    fates[rows[leaked]] = Fate.SHARED_BETWEEN_SPLITS
    fates[rows[exact]] = Fate.EXACT_DUPLICATE
    whats = (
        (Fate.SHARED_BETWEEN_SPLITS, "dropped here, kept in the split nearer to test"),
        (Fate.EXACT_DUPLICATE, "dropped, the first kept"),
        (Fate.NORMALISED_DUPLICATE, "dropped, the first kept: equal after NFC and spacing"),
    )
    return fates, [found for fate, what in whats for found in dropped(copies.facts, fates, fate, what)]


def _spelled_before(facts: Facts, rows: Positions, first: Positions) -> Mask:
    """Whether an earlier copy is written with the very same characters: (copies,) as in `_Copies`."""
    text = facts.records["text"][rows]
    by_spelling = np.lexsort((text, first))  # stable: what is spelled alike stays in ascending order
    text, first = text[by_spelling], first[by_spelling]
    before = np.zeros(len(rows), np.bool_)
    before[by_spelling[1:]] = (text[1:] == text[:-1]) & (first[1:] == first[:-1])
    return before


def _vanished(facts: Facts, fates: Fates) -> list[Finding]:
    """Classes of which no row is left."""
    before, after = per_label(facts, fates != Fate.HEADER_ROW), per_label(facts, fates == Fate.KEPT)
    gone = (before > 0) & (after == 0) & np.array([name != "" for name in facts.labels], np.bool_)
    if not gone.any():
        return []
    rows = gone[facts.records["label"]] & (fates != Fate.HEADER_ROW)
    return [finding(facts, rows, "class_vanished", f"no row left of {counted(facts, rows)}, for the reasons above")]


def _without_small_classes(facts: Facts, fates: Fates, minimum: int) -> tuple[Fates, list[Finding]]:
    """Drops, from every split, the classes with fewer than `minimum` texts to train and split on."""
    pool = np.isin(facts.records["split"], [facts.split_number("train"), facts.split_number(WHOLE)])
    sizes = per_label(facts, pool & (fates == Fate.KEPT))
    small = (sizes < minimum)[facts.records["label"]] & (fates == Fate.KEPT)
    fates = fates.copy()
    fates[small] = Fate.CLASS_TOO_SMALL
    what = f"dropped, fewer than {minimum} distinct texts to train on: {counted(facts, small)}"
    return fates, dropped(facts, fates, Fate.CLASS_TOO_SMALL, what)


def _labels_alike(facts: Facts, kept: Mask) -> list[Finding]:
    """Classes whose names differ in case, or in the decimals of a whole number, only. They are kept apart."""
    by_folded: dict[str, list[str]] = {}
    for number in np.flatnonzero(per_label(facts, kept)):
        name = facts.labels[number]
        by_folded.setdefault(folded(as_number(name)), []).append(name)
    alike = {name for names in by_folded.values() if len(names) > 1 for name in names}
    if not alike:
        return []
    rows = np.array([name in alike for name in facts.labels])[facts.records["label"]] & kept
    return [finding(facts, rows, "labels_alike", f"kept apart: {', '.join(sorted(alike))}")]


def _labels_joined(facts: Facts, kept: Mask) -> list[Finding]:
    """Classes whose names are those of other classes with a separator between: several labels of one text, perhaps."""
    counts = per_label(facts, kept)
    single = {folded(facts.labels[number]) for number in np.flatnonzero(counts)}
    joined = np.array(
        [
            len(parts := {folded(part) for part in _BETWEEN_LABELS.split(name)}) > 1 and parts <= single
            for name in facts.labels
        ],
        np.bool_,
    )
    rows = joined[facts.records["label"]] & kept
    if np.count_nonzero(rows) < _MANY_JOINED * np.count_nonzero(kept) and joined.sum() < _MANY_JOINED * len(single):
        return []
    names = [repr(facts.labels[number]) for number in np.flatnonzero(counts * joined)]
    listed = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    what = f"taken for classes of their own, though they join other labels (a text has one label in mctl): {listed}"
    return [finding(facts, rows, "labels_joined", what)] if rows.any() else []


def _per_split(facts: Facts, splits: np.ndarray) -> dict[str, int]:
    """Rows by split of the source, train first."""
    counts = np.bincount(splits, minlength=len(facts.splits)).tolist()
    return dict(reversed(list(zip(facts.splits, counts, strict=True))))
