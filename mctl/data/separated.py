"""Tables as text: CSV and TSV."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from mctl.data.dataset import Columns
from mctl.data.rows import ColumnFinder, Rows, RowSource, to_rows
from mctl.data.sniff import bad_utf8, check_is_not_json, check_is_text
from mctl.errors import UserError


def read_csv(path: Path, find: ColumnFinder, chunk_rows: int) -> RowSource:
    """Opens a file whose fields stand between commas."""
    return _read_separated(path, find, chunk_rows, ",")


def read_tsv(path: Path, find: ColumnFinder, chunk_rows: int) -> RowSource:
    """Opens a file whose fields stand between tabs."""
    return _read_separated(path, find, chunk_rows, "\t")


def _read_separated(path: Path, find: ColumnFinder, chunk_rows: int, separator: str) -> RowSource:
    check_is_text(path)
    check_is_not_json(path)
    tables = _parse_separated(path, separator, chunk_rows)
    first = next(tables)
    names = [str(name).strip() for name in first.iloc[0]]
    columns = find(names)
    places = [names.index(name) for name in columns]
    return RowSource(columns, _rows(first, tables, places, columns, str(path)))


def _rows(first: Any, others: Iterator[Any], places: list[int], columns: Columns, where: str) -> Iterator[Rows]:
    number = 2
    for table in _chain(first.iloc[1:], others):
        texts, labels = (table.iloc[:, place].tolist() for place in places)
        yield to_rows(texts, labels, range(number, number + len(table)), columns, where)
        number += len(table)


def _chain(first: Any, others: Iterator[Any]) -> Iterator[Any]:
    yield first
    yield from others


def _parse_separated(path: Path, separator: str, chunk_rows: int) -> Iterator[Any]:
    """The file as frames of strings, its header as the first row of the first.

    The header is read as a row because pandas, told of a header, takes a longer first row for one with an index. Values
    are never turned into NaN: "NA" and "null" are words. Blank lines stay, so that row numbers hold. A byte
    order mark is passed over by pandas' own parser.
    """
    with (
        _explained(path, separator),
        pd.read_csv(
            path,
            sep=separator,
            header=None,
            dtype=str,
            na_filter=False,
            skip_blank_lines=False,
            encoding="utf-8",
            chunksize=chunk_rows,
        ) as tables,
    ):
        yield from tables


@contextmanager
def _explained(path: Path, separator: str) -> Iterator[None]:
    """Turns what pandas raises while reading into what the user can mend."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise bad_utf8(path) from error
    except pd.errors.ParserError as error:
        raise _bad_table(path, separator, str(error)) from error
    except pd.errors.EmptyDataError as error:
        raise UserError("the first line is empty.", where=str(path), todo="Begin with the column names.") from error


def _bad_table(path: Path, separator: str, message: str) -> UserError:
    """Puts pandas' message into the user's terms: it counts quotes' rows from 0 and fields' rows from 1."""
    if match := re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", message):
        expected, row, seen = match.groups()
        return UserError(
            f"{seen} fields where the rows before have {expected}.",
            where=f"{path}, row {row}",
            todo=f"Put texts that contain {separator!r} between double quotes.",
        )
    if match := re.search(r"EOF inside string starting at row (\d+)", message):
        return UserError(
            "a double quote opens a text and nothing closes it.",
            where=f"{path}, row {int(match.group(1)) + 1}",
            todo='Close it, or write a double quote inside a quoted text twice ("").',
        )
    return UserError(f"is not a table: {message.strip()}.", where=str(path), todo="Look at the file in a text editor.")
