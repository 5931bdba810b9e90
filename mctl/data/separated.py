"""Tables as text: fields between commas, tabs or semicolons."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias

from mctl.data.backslash import backslash_records
from mctl.data.cells import Null
from mctl.data.columns import LABEL_NAMES
from mctl.data.content import Content
from mctl.data.lines import Lines
from mctl.data.settings import Quotes
from mctl.data.sniff import check_is_not_json, check_is_text
from mctl.data.swallowed import SwallowedRows, opened_on
from mctl.data.table import Dialect, OtherHeaders, Table, TableRow
from mctl.data.text import folded
from mctl.errors import UserError

Record: TypeAlias = tuple[int, list[str]]
"""The line that a record begins on, and its fields."""

_SEPARATORS = ",\t;|"
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)  # Excel's own, and what it obeys.
_NULL = Null(r"\N")  # MySQL's, in any dialect: no text is this.
_MOST_CHARACTERS = 1 << 24
_QUOTES_TODO = (
    'Close the quote, or write a double quote inside a quoted text twice (""). If quotes are plain characters in this '
    'file, set quotes = "none" under [data] in mctl.toml.'
)


def open_csv(content: Content, dialect: Dialect) -> Table:
    """Opens a file whose fields stand between commas, or what its first line shows instead."""
    return _open_separated(content, dialect.quotes, ",")


def open_tsv(content: Content, dialect: Dialect) -> Table:
    """Opens a file whose fields stand between tabs, or what its first line shows instead."""
    return _open_separated(content, dialect.quotes, "\t")


def _open_separated(content: Content, quotes: Quotes, usual: str) -> Table:
    check_is_text(content)
    check_is_not_json(content)
    lines = Lines(content)
    first = next(lines, None)
    if first is None:  # a byte order mark, or a part of one
        raise UserError("the file holds no line of text.", where=content.name, todo="Give it rows, or another file.")
    if match := _SEPARATOR_LINE.fullmatch(first):
        separator, begun = match[1], []
    else:
        separator, begun = _separator(first, usual, content.name), [first]
    records = _records(lines, begun, separator, quotes, content.name)
    _, names = next(records, (0, []))
    if not any(name.strip() for name in names):
        raise UserError("the first line is empty.", where=content.name, todo="Begin with the column names.")
    header = [_plain_name(name) for name in names]
    return Table(
        header, lambda places, key: _Rows(content, lines, header, separator, quotes).read(records, places, key)
    )


def _separator(line: str, usual: str, where: str) -> str:
    """The usual separator, or the only other one that the header has."""
    outside = re.sub(r'"[^"]*"', "", line)
    if usual in outside:
        return usual
    others = [separator for separator in _SEPARATORS if separator in outside]
    if len(others) > 1:
        raise UserError(
            f"there is no {usual!r} in the first line, but {' and '.join(map(repr, others))}: it is not plain which "
            "separates the columns.",
            where=f"{where}, line 1",
            todo="Write a line such as sep=; before it.",
        )
    return others[0] if others else usual


def _plain_name(name: str) -> str:
    """A column's name; SQL Server may write [text]."""
    name = name.strip()
    return name[1:-1] if re.fullmatch(r"\[[^\[\]]+\]", name) else name


def _records(lines: Lines, begun: Sequence[str], separator: str, quotes: Quotes, where: str) -> Iterator[Record]:
    """The records of a file, with the physical lines of the last one in `lines.record`."""
    if quotes == "backslash":
        yield from backslash_records(lines, begun, separator, where)
        return
    csv.field_size_limit(_MOST_CHARACTERS)
    quoting: Literal[0, 3] = csv.QUOTE_NONE if quotes == "none" else csv.QUOTE_MINIMAL
    reader = csv.reader(_chained(begun, lines), delimiter=separator, strict=True, quoting=quoting)
    start = lines.number + 1 - len(begun)
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _bad_quotes(str(error), lines, start, separator, where) from error
        yield start, fields
        lines.record.clear()
        start = lines.number + 1


def _chained(begun: Sequence[str], lines: Lines) -> Iterator[str]:
    yield from begun
    yield from lines


def _bad_quotes(message: str, lines: Lines, start: int, separator: str, where: str) -> UserError:
    """Puts the csv module's words into the user's."""
    opened = start + opened_on(lines.record, separator)
    if "expected after" not in message:  # the end of the file, or of what one field may hold
        what = "a double quote opens a text and nothing closes it."
    elif opened == lines.number:
        what = "a double quote opens a text, and more follows after the quote that closes it."
    else:
        what = (
            f"a double quote opens a text, and the next one, on line {lines.number}, does not end a field: lines "
            f"{opened} to {lines.number} would become one row."
        )
    return UserError(what, where=f"{where}, line {opened}", todo=_QUOTES_TODO)


class _Rows:
    """Records as rows: as many cells as the header has names.

    Args:
        content: what is read.
        lines: of it.
        header: the names.
        separator: of fields.
        quotes: what quotes mean.
    """

    def __init__(self, content: Content, lines: Lines, header: Sequence[str], separator: str, quotes: Quotes) -> None:
        self._where, self._lines, self._separator, self._quotes = content.name, lines, separator, quotes
        self._width, self._header = len(header), header
        labels = [place for place, name in enumerate(header) if folded(name) in LABEL_NAMES]
        self._label = labels[0] if len(labels) == 1 else None
        self._trailing: int | None = None

    def read(self, records: Iterator[Record], places: Sequence[int], key: int | None) -> Iterator[TableRow]:
        """The cells at some places."""
        label = self._label if key is None else key  # A table to label may have labels too.
        swallowed = SwallowedRows(self._where, self._width, self._separator, label)
        other_headers, checked = OtherHeaders(self._header), self._quotes == "checked"
        for number, as_read in records:
            fields = as_read
            if checked and len(self._lines.record) > 1:
                swallowed.look_at(number, self._lines.record)
            if len(fields) != self._width or self._trailing is None:
                fields = self._fitted(fields, number, places if key is not None else ())
            other_headers.check(fields, f"{self._where}, line {number}")
            if label is not None:
                swallowed.know(fields[label])
            yield number, [_NULL if fields[place] == _NULL else fields[place] for place in places]
        swallowed.finish()
        self._lines.close()

    def _fitted(self, fields: list[str], number: int, places: Sequence[int]) -> list[str]:
        """The fields of a row without those that are empty and beyond the header, and with those that it lacks."""
        beyond = len(fields) - self._width
        if self._trailing is None and fields:  # The first row: all of a file may end in a separator.
            self._trailing = max(0, beyond)
        if beyond > 0 and (any(fields[self._width :]) or beyond > (self._trailing or 0)):
            raise self._bad_width(fields, number)
        if fields and beyond < 0 and max(places, default=0) < len(fields):
            raise self._bad_width(fields, number)
        return fields[: self._width] + [""] * -beyond

    def _bad_width(self, fields: Sequence[str], number: int) -> UserError:
        todo = f"Put texts that contain {self._separator!r} between double quotes"
        if len(fields) < self._width:
            todo = f"Write an empty field as {self._separator * 2!r}: which one is missing cannot be told"
        elif self._trailing:
            todo += "; and if each row has a field that the header does not name, name it"
        return UserError(
            f"{len(fields)} fields where the rows before have {self._width}.",
            where=f"{self._where}, line {number}",
            todo=f"{todo}.",
        )
