"""Excel workbooks: one sheet is the table, its first row the header."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from xml.etree.ElementTree import ParseError

from mctl.data.content import Content
from mctl.data.table import Dialect, OtherHeaders, Table, TableRow
from mctl.errors import UserError

_MOST_BYTES = 1 << 30
_TODO = "Open it in a spreadsheet program, and save it as .xlsx again, or as CSV in UTF-8."


def open_xlsx(content: Content, dialect: Dialect) -> Table:
    """Opens a workbook; of formulas, the values that were last computed count. Rows are read as they are needed."""
    from openpyxl import load_workbook  # a third of a second of import, for these files only

    with _explained(content):
        file = content.open()
        _check_size(file, content)
        workbook = load_workbook(file, read_only=True, data_only=True, keep_links=False)
        sheet = _sheet(workbook, dialect, content)
        sheet.reset_dimensions()  # What other writers note there may be too small.
        rows = sheet.iter_rows(values_only=True)
        first = next(rows, ())
        chosen = sheet.title == dialect.sheet
        others = [other.title for other in workbook.worksheets if not chosen and other is not sheet]
        others = [title for title in others if _has_cells(workbook[title])]
    while first and first[-1] is None:
        first = first[:-1]
    if not first:
        raise UserError(
            "the first row of the sheet is empty.",
            where=f"{content.name}, {sheet.title}",
            todo="Begin with the column names.",
        )
    header = ["" if cell is None else str(cell).strip() for cell in first]
    return Table(header, lambda places, key: _rows(rows, places, header, content), others)


def _has_cells(sheet: Any) -> bool:
    sheet.reset_dimensions()
    return any(cell is not None for row in sheet.iter_rows(values_only=True, max_row=1) for cell in row)


def _check_size(file: Any, content: Content) -> None:
    """Refuse a workbook that unpacks into more than any table of texts."""
    with zipfile.ZipFile(file) as archive:
        if sum(member.file_size for member in archive.infolist()) > _MOST_BYTES:
            raise UserError(f"it unpacks into more than {_MOST_BYTES:,} bytes.", where=content.name, todo=_TODO)
    file.seek(0)


def _sheet(workbook: Any, dialect: Dialect, content: Content) -> Any:
    name = dialect.sheet
    sheets = {sheet.title: sheet for sheet in workbook.worksheets}
    if not sheets:
        raise UserError("the workbook has no sheet.", where=content.name, todo=_TODO)
    if name is None or (dialect.sheet_if_there and name not in sheets):
        return next(iter(sheets.values()))
    if name not in sheets:
        raise UserError(
            f"there is no sheet {name!r}.",
            where=content.name,
            todo=f"Name one with --sheet, or sheet under [data]: {', '.join(map(repr, sheets))}.",
        )
    return sheets[name]


def _rows(
    rows: Iterator[Sequence[object]], places: Sequence[int], header: Sequence[str], content: Content
) -> Iterator[TableRow]:
    """Rows without a cell are passed over where no other follows: sheets are often formatted far below their end."""
    width = len(header)
    blank: list[int] = []
    other_headers = OtherHeaders(header)
    with _explained(content):
        for number, row in enumerate(rows, start=2):
            if all(cell is None for cell in row):
                blank.append(number)
                continue
            if any(cell is not None for cell in row[width:]):
                raise UserError(
                    f"a cell stands to the right of the {width} columns that the header names.",
                    where=f"{content.name}, row {number}",
                    todo="Name its column in the first row, or empty it.",
                )
            other_headers.check(row, f"{content.name}, row {number}")
            yield from ((empty, [None] * len(places)) for empty in blank)
            blank.clear()
            yield number, [row[place] if place < len(row) else None for place in places]


@contextmanager
def _explained(content: Content) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError, EOFError, ParseError) as error:
        # openpyxl raises whatever the damage leads to.
        raise UserError(f"is not an Excel workbook: {error}.", where=content.name, todo=_TODO) from error
