"""The lines of a table that is text, numbered as an editor shows them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import partial

from mctl.data.content import Content
from mctl.data.sniff import bad_text, encoding_of
from mctl.errors import UserError

_MOST_CHARACTERS = 1 << 24


class Lines:
    """The decoded lines of a content, with their ends.

    UTF-8 with or without a byte order mark, or UTF-16 with one: that is what Excel calls Unicode text.

    Args:
        content: what to read.

    Attributes:
        number: of the line that came last, from 1.
        record: the lines since it was last emptied: the physical lines of a record that runs over several.

    Raises:
        UserError: at a line that does not decode, or that is longer than any text.
    """

    def __init__(self, content: Content) -> None:
        self._content = content
        self._file = io.TextIOWrapper(content.open(), encoding=encoding_of(content), newline="")
        self._lines = iter(partial(self._file.readline, _MOST_CHARACTERS), "")
        self.number = 0
        self.record: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        try:
            line = next(self._lines)
        except UnicodeDecodeError as error:
            raise bad_text(self._content) from error
        self.number += 1
        if len(line) >= _MOST_CHARACTERS:
            raise UserError(
                f"the line has more than {_MOST_CHARACTERS:,} characters.",
                where=f"{self._content.name}, line {self.number}",
            )
        self.record.append(line)
        return line

    def close(self) -> None:
        """Close the file."""
        self._file.close()
