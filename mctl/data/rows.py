"""Rows as read: a few at a time, each with the number it has in its source."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from mctl.data.cells import Null
from mctl.data.dataset import Columns
from mctl.data.report import Finding
from mctl.data.table import Table
from mctl.data.text import tidy
from mctl.errors import UserError

CHUNK_ROWS = 500
"""Rows that are read at a time: of long documents, these are still some megabytes."""

ColumnFinder = Callable[[Sequence[str]], Columns]
"""Takes all column names of a source and chooses the two to read."""


@dataclass(frozen=True)
class Rows:
    """Some rows of one file or hub split, tidied, not yet cleaned.

    Args:
        texts: (rows,); "" where there is none.
        labels: (rows,); "" where there is none.
        numbers: (rows,); each row's number in the source, see `mctl.data.report.Example`.
    """

    texts: Sequence[str]
    labels: Sequence[str]
    numbers: Sequence[int]


@dataclass(frozen=True)
class RowSource:
    """One file or hub split, opened.

    Args:
        columns: the columns read.
        chunks: its rows, to be gone through once; raises a `UserError` at a row that cannot be read.
        findings: what its reader has passed over.
        files: names of the files, where they are several: then the numbers of its rows are those of `numbered`.
    """

    columns: Columns
    chunks: Iterator[Rows]
    findings: tuple[Finding, ...] = ()
    files: tuple[str, ...] = ()


def rows_of(table: Table, columns: Columns, chunk_rows: int, where: str) -> Iterator[Rows]:
    """The two columns of a table, `chunk_rows` rows at a time."""
    places = [list(table.header).index(name) for name in columns]
    rows = iter(table.rows(places, places[1] if places[0] != places[1] else None))
    while chunk := list(islice(rows, chunk_rows)):
        cells = [cells for _, cells in chunk]
        numbers = [number for number, _ in chunk]
        yield to_rows([text for text, _ in cells], [label for _, label in cells], numbers, columns, where)


def to_rows(
    texts: Iterable[object], labels: Iterable[object], numbers: Sequence[int], columns: Columns, where: str
) -> Rows:
    """Turns cell values into tidy strings.

    Raises:
        UserError: a cell is neither text nor a number, with its row.
    """
    return Rows(
        _as_strings(texts, numbers, columns.text, where),
        _as_strings(labels, numbers, columns.label, where),
        numbers,
    )


def at_least_one(chunks: Iterable[Rows], where: str) -> Iterator[Rows]:
    """The chunks that have rows.

    Raises:
        UserError: none has.
    """
    empty = True
    for rows in chunks:
        if rows.numbers:
            empty = False
            yield rows
    if empty:
        raise UserError(
            "there is a header, or a schema, but no row.", where=where, todo="Give it rows, or another file."
        )


def _as_strings(values: Iterable[object], numbers: Sequence[int], column: str, where: str) -> list[str]:
    return [
        tidy(value) if type(value) is str else _as_string(value, number, column, where)
        for value, number in zip(values, numbers, strict=True)
    ]


def as_text(cell: object) -> str:
    """A cell as training reads it: nothing is no text, and an integer column with a gap in it comes as floats.

    >>> as_text(None), as_text(3.0), as_text(" a text ")
    ('', '3', 'a text')
    """
    if cell is None or isinstance(cell, Null) or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else tidy(str(cell))


def _as_string(value: object, number: int, column: str, where: str) -> str:
    if value is None or isinstance(value, (str, bool, int, float)):
        return as_text(value)
    raise UserError(
        f"the column {column!r} holds a {type(value).__name__}, not a text or a number.",
        where=f"{where}, row {number}",
        todo="Each row needs one text and one label; several labels for one text are not supported.",
    )
