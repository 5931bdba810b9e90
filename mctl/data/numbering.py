"""Numbers of rows in a split of several files: one number holds the file and the line in it, and sorts by both."""

from __future__ import annotations

from collections.abc import Sequence

_SHIFT = 40  # Lines of a file: 10^12.


def numbered(file: int, line: int) -> int:
    """The number of a row.

    Args:
        file: place of its file among those of the split.
        line: its number in that file.

    Example:

        numbered(0, 7)  # 7
    """
    return (file << _SHIFT) + line


def place_of(number: int, split: str, files: Sequence[str]) -> tuple[str, int]:
    """Where a row stands: its file, or its split where that is one file; and its number in it.

    Args:
        number: as `numbered` gives it.
        split: name of the split.
        files: names of the files of the split, in order; empty where it is one.
    """
    file, line = number >> _SHIFT, number & ((1 << _SHIFT) - 1)
    return (files[file] if files else split), line
