"""Texts on disk that read like a list: memory holds what is being looked at, whatever the number of texts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias, overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mctl.data.spool import Spool

Positions: TypeAlias = npt.NDArray[np.int64]
"""Numbers of rows."""
StringArray: TypeAlias = Any
"""A `pyarrow.LargeStringArray`: pyarrow is not type-checked here."""

_BLOCK_ROWS = 1_000


class Texts(Sequence[str]):
    """A sequence of texts over an Arrow array, which may lie in a file.

    Args:
        array: (texts,) large strings without nulls.
    """

    def __init__(self, array: StringArray) -> None:
        self.array = array

    @classmethod
    def of(cls, texts: Iterable[str]) -> Texts:
        """Texts in memory."""
        return cls(pa.array(list(texts), pa.large_string()))

    def __len__(self) -> int:
        return len(self.array)

    @overload
    def __getitem__(self, at: int) -> str: ...

    @overload
    def __getitem__(self, at: slice) -> Texts: ...

    def __getitem__(self, at: int | slice) -> str | Texts:
        if isinstance(at, slice):
            return Texts(self.array[at])
        text: str = self.array[at].as_py()
        return text

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), _BLOCK_ROWS):
            yield from self.array[start : start + _BLOCK_ROWS].to_pylist()

    def picked(self, positions: Positions) -> Iterator[StringArray]:
        """The texts at some positions, in their order, a block at a time."""
        for start in range(0, len(positions), _BLOCK_ROWS):
            yield self.array.take(pa.array(positions[start : start + _BLOCK_ROWS]))

    def rearranged(self, positions: Positions) -> Texts:
        """The texts at some positions, in their order, in a file of their own.

        Raises:
            UserError: the disk is full.
        """
        writer = TextWriter()
        for block in self.picked(positions):
            writer.write(block)
        return writer.finish()


class TextWriter:
    """Appends texts to a pair of temporary files: their UTF-8 bytes, and where each ends.

    Both lie there as an Arrow array of large strings does in memory, so that reading is mapping. The array is one piece
    however long it is, which keeps sorting it and picking from it simple.

    Raises:
        UserError: the disk is full, here and in both methods.
    """

    def __init__(self) -> None:
        self._bytes, self._ends = Spool(), Spool()
        self._ends.write(np.zeros(1, np.int64))
        self._rows = self._size = 0

    def write(self, texts: StringArray) -> None:
        """Appends an array of large strings without nulls."""
        _, offsets, values = texts.buffers()
        ends = np.frombuffer(offsets, np.int64, len(texts) + 1, 8 * texts.offset)
        if values is not None:
            self._bytes.write(memoryview(values)[ends[0] : ends[-1]])
        self._ends.write(ends[1:] - ends[0] + self._size)
        self._rows += len(texts)
        self._size += int(ends[-1] - ends[0])

    def finish(self) -> Texts:
        """What was written; nothing can be appended any more."""
        return Texts(pa.LargeStringArray.from_buffers(self._rows, self._ends.finish(), self._bytes.finish()))
