"""Rows that a stray double quote has made part of a text.

A quote that opens a field by mistake is closed by the next quote in the file. If a separator or the end of the line
happens to follow that one, the result is a row like any other, whose text has swallowed the rows between. What gives
it away: its physical lines, read one by one, are rows with labels that other rows have too. Of a true text of several
lines at most one looks so, the one that holds the row's own label. A line may have more fields than the header has
names, since the text of a row may hold separators: the label is counted from either end then.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence

from mctl.errors import UserError

_MOST_LABELS = 10_000
_MOST_WAITING = 10_000
_LONGEST_ID = 20


class SwallowedRows:
    """Looks for them among the records of one file.

    Args:
        where: the file, for messages.
        width: columns of the table.
        separator: of fields.
        key: place of the labels. None where there are none: then lines that begin with numbers that count on, as ids
            do, are rows, and three lines with as many fields as the header are too many.
    """

    def __init__(self, where: str, width: int, separator: str, key: int | None) -> None:
        self._where, self._width, self._separator, self._key = where, width, separator, key
        self._labels: set[str] = set()
        self._waiting: list[tuple[int, int, list[frozenset[str]]]] = []

    def know(self, label: str) -> None:
        """A label of the table."""
        if label and len(self._labels) < _MOST_LABELS:
            self._labels.add(label)

    def look_at(self, start: int, lines: Sequence[str]) -> None:
        """A record of several physical lines, of which the first is number `start`."""
        end = start + len(lines) - 1
        if self._key is None:
            rows = [line.rstrip("\r\n").split(self._separator) for line in lines]
            if self._width > 1 and (_count_on(rows) or (len(rows) > 2 and {len(row) for row in rows} == {self._width})):
                raise self._error(start, end, len(rows))
            return
        candidates = [found for line in lines if (found := self._candidates(line.rstrip("\r\n"), self._key))]
        if self._known(candidates) > 1:
            raise self._error(start, end, self._known(candidates))
        if len(candidates) > 1 and len(self._waiting) < _MOST_WAITING:
            self._waiting.append((start, end, candidates))

    def finish(self) -> None:
        """Look again at what was undecided: now all labels are known."""
        for start, end, candidates in self._waiting:
            if self._known(candidates) > 1:
                raise self._error(start, end, self._known(candidates))

    def _candidates(self, line: str, key: int) -> frozenset[str]:
        """What could be the label of a line, if it is a row: read without quotes and with them."""
        readings = (line.split(self._separator), next(csv.reader([line], delimiter=self._separator), []))
        places = {0: (0,), self._width - 1: (-1,)}.get(key, (key, key - self._width))
        rows = [fields for fields in readings if len(fields) >= self._width]
        rows += [_without_empty_end(fields, self._width) for fields in rows]
        return frozenset(_unquoted(fields[place]) for fields in rows for place in places)

    def _known(self, candidates: Sequence[frozenset[str]]) -> int:
        return sum(not self._labels.isdisjoint(of_line) for of_line in candidates)

    def _error(self, start: int, end: int, rows: int) -> UserError:
        return UserError(
            f"a double quote opens a text that ends on line {end}, and {rows} of the lines in it look like rows of "
            "their own.",
            where=f"{self._where}, line {start}",
            todo='If the quote is a mistake, write it twice inside a quoted text (""), or, where quotes are plain '
            'characters in this file, set quotes = "none" under [data] in mctl.toml; if the text does have these '
            'lines, set quotes = "trusted".',
        )


def _without_empty_end(fields: list[str], width: int) -> list[str]:
    """Each line of a file may end in separators that the header does not have."""
    while len(fields) > width and not fields[-1]:
        fields = fields[:-1]
    return fields


def _count_on(rows: Sequence[Sequence[str]]) -> bool:
    """Whether each row begins with the number that follows that of the row before."""
    first = _unquoted(rows[0][0])
    if not (first.isascii() and first.isdecimal() and len(first) < _LONGEST_ID):
        return False
    return all(len(row) > 1 and _unquoted(row[0]) == str(int(first) + more) for more, row in enumerate(rows))


def _unquoted(field: str) -> str:
    return field[1:-1] if len(field) > 1 and field[0] == field[-1] == '"' else field


def opened_on(lines: Sequence[str], separator: str) -> int:
    """How many lines after the first of a record its last quoted field opens."""
    opened, inside, before = 0, False, separator
    for number, line in enumerate(lines):
        for character in line:
            if character == '"' and inside:
                inside = False
            elif character == '"' and before == '"':  # the second of two: the text goes on
                inside = True
            elif character == '"' and before == separator:
                opened, inside = number, True
            before = character
    return opened
