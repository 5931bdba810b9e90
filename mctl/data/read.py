"""One file of rows, read by its ending."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TypeVar

from mctl.data.content import Content, open_content, stream_content
from mctl.data.json_table import open_json
from mctl.data.jsonl import open_jsonl
from mctl.data.parquet import open_parquet
from mctl.data.report import Finding
from mctl.data.rows import CHUNK_ROWS, ColumnFinder, Rows, RowSource, at_least_one, rows_of
from mctl.data.separated import open_csv, open_tsv
from mctl.data.table import Dialect, Table, TableRow
from mctl.data.xlsx import open_xlsx
from mctl.errors import UserError

logger = logging.getLogger(__name__)
Chunk = TypeVar("Chunk", Rows, list[TableRow])

READERS: Mapping[str, Callable[[Content, Dialect], Table]] = {
    ".csv": open_csv,
    ".tsv": open_tsv,
    ".jsonl": open_jsonl,
    ".json": open_json,
    ".parquet": open_parquet,
    ".xlsx": open_xlsx,
}


def has_reader(path: Path) -> bool:
    """Whether a file's name says that it is a table: news.csv, news.csv.gz, news.zip."""
    ending = path.suffix.casefold()
    return ending in READERS or ending == ".zip" or (ending == ".gz" and Path(path.stem).suffix.casefold() in READERS)


def read_file(path: Path, find: ColumnFinder, chunk_rows: int, dialect: Dialect | None = None) -> RowSource:
    """Opens a file by its ending; its rows come `chunk_rows` at a time, of the two columns that `find` chooses.

    Raises:
        UserError: the ending is unknown, the file cannot be opened, is empty, or is not what its ending says. What is
            wrong further down is raised by the rows, when they get there.
    """
    dialect = dialect or Dialect()
    where = str(path)
    try:
        content = _content(path)
        table = _opened(content, dialect)
    except OSError as error:
        raise _unreadable(where, error) from error
    columns = find(table.header)
    chunks = at_least_one(_readable(rows_of(table, columns, chunk_rows, where), where), where)
    return RowSource(columns, chunks, _passed_over(table))


def read_table(
    source: Path | BinaryIO, format: str | None = None, dialect: Dialect | None = None, chunk_rows: int = CHUNK_ROWS
) -> tuple[list[str], Iterator[list[TableRow]]]:
    """Opens a table with all its columns, such as one whose texts are to be labelled.

    Args:
        source: a file, or a binary stream such as `sys.stdin.buffer`, which is copied to a temporary file first.
        format: "csv", "tsv", "jsonl", "json", "parquet" or "xlsx". By default what the file's ending says.
        dialect: what the file does not say of itself.
        chunk_rows: rows that are read at a time.

    Returns:
        The names of the columns, in order; and the rows a chunk at a time, each with its number (its line in CSV, TSV
        and JSONL) and its cells, as many as there are columns. A cell is a text as it stands, a number, a truth value,
        a date or, where there is nothing, None or a `mctl.data.cells.Null`, which is a text such as `\\N`.
        `mctl.data.text.tidy` makes of a text what training sees.
        Keys that only later objects of JSON have are columns of it too. Sheets that are passed over are logged.

    Raises:
        UserError: as `read_file`; a row with more or fewer fields than the header has names.

    Example:

        header, chunks = read_table(Path("news.csv"))
        place = header.index("text")
        texts = [tidy(str(cells[place] or "")) for chunk in chunks for number, cells in chunk]
    """
    dialect = replace(dialect or Dialect(), every_key=True)
    where = str(source) if isinstance(source, Path) else str(getattr(source, "name", "the stream")).strip("<>")
    try:
        if isinstance(source, Path):
            content = _content(source, None if format is None else f".{format}")
        else:
            content = stream_content(source, f".{format}", where)
        table = _opened(content, dialect)
    except OSError as error:
        raise _unreadable(where, error) from error
    for found in _passed_over(table):
        logger.warning("%s: %s", where, found.what_was_done)
    rows = table.rows(range(len(table.header)), None)
    return list(table.header), _readable(iter(lambda: list(islice(rows, chunk_rows)), []), where)


def _content(path: Path, ending: str | None = None) -> Content:
    content = open_content(path)
    return content if ending is None else replace(content, ending=ending)


def _opened(content: Content, dialect: Dialect) -> Table:
    reader = READERS.get(content.ending)
    if reader is None:
        raise UserError(
            f"the ending {content.ending!r} is not one of {', '.join(READERS)}.",
            where=content.name,
            todo="Convert the file; a .gz or a .zip of one file is read too.",
        )
    return reader(content, dialect)


def _passed_over(table: Table) -> tuple[Finding, ...]:
    if not table.other_sheets:
        return ()
    listed = ", ".join(table.other_sheets)
    return (
        Finding("passed_over", len(table.other_sheets), f"sheets that are not read (--sheet chooses one): {listed}"),
    )


def _readable(chunks: Iterator[Chunk], where: str) -> Iterator[Chunk]:
    try:
        yield from chunks
    except OSError as error:
        raise _unreadable(where, error) from error


def _unreadable(where: str, error: OSError) -> UserError:
    return UserError(f"cannot be read: {error.strerror or error}.", where=where)
