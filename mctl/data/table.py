"""A table as its format has it: a header, and rows of cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from mctl.data.settings import Quotes
from mctl.data.text import folded
from mctl.errors import UserError

TableRow: TypeAlias = tuple[int, Sequence[object]]
"""A row's number, see `mctl.data.report.Example`, and its cells: texts, numbers, `Null` or None for nothing."""


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


class OtherHeaders:
    """Refuses rows that name the columns in another order: the rows below would be read in the wrong columns.

    A name that is empty or a number tells nothing: such cells are values.

    Args:
        header: names of the columns.
    """

    def __init__(self, header: Sequence[str]) -> None:
        self._names = [folded(name) for name in header]
        self._known = {name for name in self._names if name and not _is_number(name)}
        self._longest = 2 * max(map(len, header), default=0)  # Folding may shorten a name.

    def check(self, cells: Sequence[object], where: str) -> None:
        """Look at a row.

        Raises:
            UserError: two cells or more, and most of those that are not empty, are names of columns, and not all of
                them stand in their column.
        """
        named = [
            (name, its)
            for cell, its in zip(cells, self._names, strict=False)
            if isinstance(cell, str) and len(cell) <= self._longest and (name := folded(cell)) in self._known
        ]
        if len(named) < 2 or all(name == its for name, its in named):
            return
        # A name may be a value too: of a class with a column of its scores, say.
        if 2 * len(named) > sum(cell is not None and cell != "" for cell in cells):
            raise UserError(
                f"the columns are named again, in another order: {', '.join(map(str, cells[:10]))}.",
                where=where,
                todo="Give files whose columns differ one by one, or join them by their columns' names.",
            )


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True


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
