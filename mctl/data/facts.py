"""What is remembered of a row while its text lies on disk: 40 bytes, whatever the length of the text."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mctl.data.columns import LABEL_NAMES, TEXT_NAMES
from mctl.data.numbering import place_of
from mctl.data.rows import Rows, RowSource
from mctl.data.split_names import WHOLE
from mctl.data.spool import Spool
from mctl.data.stored import Texts, TextWriter
from mctl.data.text import comparison_key, folded

EVALUATION_FIRST = ("test", "dev", "train", WHOLE)
Records: TypeAlias = npt.NDArray[Any]
"""(rows,) of `RECORD`."""

RECORD = np.dtype(
    [
        ("order", np.uint64),  # hash of the comparison key with the seed: rows are sorted and split by it
        ("key", np.uint64),  # hash of the comparison key: equal in both hashes (128 bits), two texts are the same
        ("text", np.uint64),  # hash of the text as it is written
        ("number", np.int64),  # of the row in its source
        ("label", np.int32),  # index into `Facts.labels`
        ("split", np.uint8),  # index into `Facts.splits`
        ("fate", np.uint8),
    ],
    align=True,
)


class Fate(IntEnum):
    """What becomes of a row; but for `KEPT`, the names are kinds of findings. In the order of `dropped.REASONS`."""

    KEPT = 0
    HEADER_ROW = 1
    EMPTY_TEXT = 2
    MISSING_LABEL = 3
    CONFLICTING_LABELS = 4
    SHARED_BETWEEN_SPLITS = 5
    EXACT_DUPLICATE = 6
    NORMALISED_DUPLICATE = 7
    CLASS_TOO_SMALL = 8


@dataclass(frozen=True)
class Facts:
    """All rows of a source, in the order test, dev, train.

    So of several copies of a text the first is the one in the most evaluation-like split, and keeping the first never
    leaks test into train.

    Args:
        splits: the splits of the source, in that order; or `WHOLE` alone.
        labels: the labels, spelled evenly, as they first occur.
        records: (rows,) of `RECORD`; in `fate`, what can be told of a row by itself.
        texts: (rows,)
        files: names of the files of a split, for splits of several.
    """

    splits: tuple[str, ...]
    labels: tuple[str, ...]
    records: Records
    texts: Texts
    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def split_number(self, name: str) -> int:
        """The index of a split, or one that no row has."""
        return self.splits.index(name) if name in self.splits else len(self.splits)

    def place_of(self, row: int) -> tuple[str, int]:
        """The split, or one file of it, that a row stands in, and its number there."""
        record = self.records[row]
        split = self.splits[record["split"]]
        return place_of(int(record["number"]), split, self.files.get(split, ()))


def collect(source: Mapping[str, RowSource], seed: int) -> Facts:
    """Reads all rows, a chunk at a time: texts to a file, facts to another.

    Raises:
        UserError: a row cannot be read, or the disk is full.
    """
    splits = tuple(name for name in EVALUATION_FIRST if name in source)
    numbering = _Labels(frozenset(folded(name) for opened in source.values() for name in opened.columns))
    writer, spool = TextWriter(), Spool()
    for split, name in enumerate(splits):
        for rows in source[name].chunks:
            writer.write(pa.array(rows.texts, pa.large_string()))
            spool.write(_records(rows, split, numbering, seed))
    files = {name: source[name].files for name in splits if source[name].files}
    return Facts(splits, tuple(numbering.names), np.frombuffer(spool.finish(), RECORD), writer.finish(), files)


def digests(texts: Iterable[bytes], seed: int | None = None) -> npt.NDArray[np.uint64]:
    """A 64-bit hash (BLAKE2b) of each text in UTF-8; with a seed, another one for each seed."""
    start = hashlib.blake2b(digest_size=8, key=b"" if seed is None else str(seed).encode()[:64])
    found = []
    for text in texts:
        digest = start.copy()
        digest.update(text)
        found.append(digest.digest())
    return np.frombuffer(b"".join(found), ">u8").astype(np.uint64)


def _records(rows: Rows, split: int, labels: _Labels, seed: int) -> Records:
    keys = [comparison_key(text) for text in rows.texts]
    encoded = [key.encode() for key in keys]
    records = np.zeros(len(keys), RECORD)
    records["order"] = digests(encoded, seed)
    records["key"] = records["text"] = digests(encoded)
    respelled = [row for row, (key, text) in enumerate(zip(keys, rows.texts, strict=True)) if key != text]
    records["text"][respelled] = digests(rows.texts[row].encode() for row in respelled)
    records["number"] = rows.numbers
    records["label"] = labels.numbers(rows.labels)
    records["split"] = split
    records["fate"] = _fates(keys, records["label"], labels)
    return records


def _fates(keys: Sequence[str], numbers: npt.NDArray[np.int32], labels: _Labels) -> npt.NDArray[np.uint8]:
    """Empty texts, missing labels, and rows that repeat a header, as files joined from several do: then both cells
    name a column, or the text is gone."""
    fates = np.full(len(keys), Fate.KEPT, np.uint8)
    fates[[not labels.names[number] for number in numbers.tolist()]] = Fate.MISSING_LABEL
    fates[[not key for key in keys]] = Fate.EMPTY_TEXT
    for row in np.flatnonzero(np.isin(numbers, list(labels.of_headers))).tolist():
        if folded(keys[row]) in labels.header_texts:
            fates[row] = Fate.HEADER_ROW
    return fates


class _Labels:
    """Numbers labels as they come.

    Args:
        columns: names of the columns that are read, folded.

    Attributes:
        names: spelled evenly, by number.
        of_headers: numbers of labels that could be a column's name.
        header_texts: what stands, folded, in the text column of a row that repeats a header.
    """

    def __init__(self, columns: frozenset[str]) -> None:
        self.names: list[str] = []
        self.of_headers: set[int] = set()
        self.header_texts = columns | TEXT_NAMES | {""}
        self._header_labels = columns | LABEL_NAMES
        self._numbers: dict[str, int] = {}
        self._as_written: dict[str, int] = {}

    def numbers(self, labels: Sequence[str]) -> list[int]:
        """The numbers of some labels."""
        known = self._as_written
        return [known[label] if label in known else self._add(label) for label in labels]

    def _add(self, label: str) -> int:
        name = comparison_key(label)
        number = self._numbers.setdefault(name, len(self.names))
        if number == len(self.names):
            self.names.append(name)
            if folded(name) in self._header_labels:
                self.of_headers.add(number)
        self._as_written[label] = number
        return number
