"""The result of loading: cleaned texts and labels in three splits."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from mctl.data.report import CleaningReport

SplitName = Literal["train", "dev", "test"]
SPLIT_NAMES: tuple[SplitName, ...] = ("train", "dev", "test")


class Columns(NamedTuple):
    """The names of the two columns that were read."""

    text: str
    label: str


@dataclass(frozen=True)
class Split:
    """Texts and their labels, in parallel.

    Args:
        texts: (rows,).
        labels: (rows,), class names, not ids.
    """

    texts: tuple[str, ...]
    labels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.texts)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return zip(self.texts, self.labels, strict=True)

    def rows_per_class(self) -> dict[str, int]:
        """Rows of each class that occurs, sorted by name."""
        return dict(sorted(Counter(self.labels).items()))


@dataclass(frozen=True)
class Dataset:
    """A cleaned, split data set.

    Args:
        class_names: sorted names of the classes; every one occurs in `splits["train"]`.
        splits: train, dev and test; no text stands twice, in one split or in two.
        cut_from_train: the splits that the source lacked (or had without one usable row) and that were cut off.
        columns: the columns read, of the train file if the source has several.
        source: file, folder or hub id, as the user named it.
        report: what was found and done.
        sha256: fingerprint of the cleaned rows, see `fingerprint`.
    """

    class_names: tuple[str, ...]
    splits: Mapping[SplitName, Split]
    cut_from_train: tuple[SplitName, ...]
    columns: Columns
    source: str
    report: CleaningReport
    sha256: str

    def rows_per_split_and_class(self) -> dict[SplitName, dict[str, int]]:
        """Rows by split and class, with a zero for a class that a split lacks."""
        zeros = dict.fromkeys(self.class_names, 0)
        return {name: zeros | split.rows_per_class() for name, split in self.splits.items()}


def fingerprint(splits: Mapping[SplitName, Split]) -> str:
    """SHA-256 (hex) over the sorted rows of each split: the same rows give the same value in any order.

    Cleaned texts and labels hold no control characters, so the separators below cannot occur in them.
    """
    digest = hashlib.sha256()
    for name in SPLIT_NAMES:
        digest.update(f"{name}\x1d".encode())
        for label, text in sorted(zip(splits[name].labels, splits[name].texts, strict=True)):
            digest.update(f"{label}\x1f{text}\x1e".encode())
    return digest.hexdigest()
