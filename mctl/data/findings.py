"""What cleaning has found, as the report holds it: how many rows, of which classes, and three examples."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from mctl.data.facts import Facts, Fate
from mctl.data.report import Example, Finding, FindingKind
from mctl.data.text import shortened

Fates: TypeAlias = npt.NDArray[np.uint8]
"""(rows,) of `Fate`."""
Mask: TypeAlias = npt.NDArray[np.bool_]
"""(rows,)"""

_EXAMPLES = 3
_KINDS: dict[Fate, FindingKind] = {
    Fate.HEADER_ROW: "header_row",
    Fate.EMPTY_TEXT: "empty_text",
    Fate.MISSING_LABEL: "missing_label",
    Fate.CONFLICTING_LABELS: "conflicting_labels",
    Fate.SHARED_BETWEEN_SPLITS: "shared_between_splits",
    Fate.EXACT_DUPLICATE: "exact_duplicate",
    Fate.NORMALISED_DUPLICATE: "normalised_duplicate",
    Fate.CLASS_TOO_SMALL: "class_too_small",
}


def dropped(facts: Facts, fates: Fates, fate: Fate, what: str) -> list[Finding]:
    """The rows of one fate as one finding; none if there is no such row."""
    mask = fates == fate
    return [finding(facts, mask, _KINDS[fate], what)] if mask.any() else []


def finding(facts: Facts, mask: Mask, kind: FindingKind, what: str) -> Finding:
    """The masked rows as a finding, with the first three as examples."""
    rows = np.flatnonzero(mask)
    return Finding(kind, len(rows), what, tuple(_example(facts, int(row)) for row in rows[:_EXAMPLES]))


def _example(facts: Facts, row: int) -> Example:
    place, number = facts.place_of(row)
    return Example(place, number, shortened(facts.texts[row]), facts.labels[facts.records["label"][row]])


def per_label(facts: Facts, mask: Mask) -> npt.NDArray[np.int64]:
    """(labels,) how many of the masked rows each label has."""
    return np.bincount(facts.records["label"][mask], minlength=len(facts.labels))


def counted(facts: Facts, mask: Mask) -> str:
    """The classes of the masked rows with their counts: "Travel (3), Weather (1)"."""
    counts = per_label(facts, mask)
    return ", ".join(f"{name} ({count})" for name, count in sorted(zip(facts.labels, counts, strict=True)) if count)
