"""A table as its format has it: a header, and rows of cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from mctl.data.settings import Quotes
from mctl.errors import UserError

TableRow: TypeAlias = tuple[int, Sequence[object]]
"""A row's number, see `mctl.data.report.Example`, and its cells: texts, numbers, None where there is nothing."""


@dataclass(frozen=True)
class Dialect:
    """What a table's file does not say of itself.

    Args:
        quotes: see `mctl.data.DataSettings`.
        sheet: of a workbook; None for the first.
        sheet_if_there: a workbook without this sheet is read by its first one; else it is refused.
        every_key: the keys of all objects of JSON are columns, which takes a pass over the file; else those of the
            first.
    """

    quotes: Quotes = "checked"
    sheet: str | None = None
    sheet_if_there: bool = False
    every_key: bool = False


def check_is_no_other_header(cells: Sequence[object], header: Sequence[str], where: str) -> None:
    """Refuse a row that names the columns in another order: the rows below it would be read in the wrong columns.

    Raises:
        UserError: two cells or more are names of columns, and not all of them stand in their column.
    """
    if cells[0] not in header and cells[-1] not in header:
        return
    named = [place for place, cell in enumerate(cells[: len(header)]) if cell and cell in header]
    if len(named) > 1 and any(cells[place] != header[place] for place in named):
        raise UserError(
            f"the columns are named again, in another order: {', '.join(map(str, cells[:10]))}.",
            where=where,
            todo="Give files whose columns differ one by one, or join them by their columns' names.",
        )


@dataclass(frozen=True)
class Table:
    """A table, opened.

    Args:
        header: the names of the columns, in order.
        rows: takes the places of the columns to read and, among all, the place of the labels (None: unknown); gives
            the rows, once. Raises a `UserError` at a row that cannot be read.
        other_sheets: names of sheets of the workbook that nobody has chosen between.
    """

    header: Sequence[str]
    rows: Callable[[Sequence[int], int | None], Iterator[TableRow]]
    other_sheets: Sequence[str] = ()
