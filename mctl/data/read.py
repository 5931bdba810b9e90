"""One file of rows: CSV, TSV, JSONL or Parquet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from mctl.data.jsonl import read_jsonl
from mctl.data.parquet import read_parquet
from mctl.data.rows import ColumnFinder, Rows, RowSource, at_least_one
from mctl.data.separated import read_csv, read_tsv
from mctl.errors import UserError

READERS: Mapping[str, Callable[[Path, ColumnFinder, int], RowSource]] = {
    ".csv": read_csv,
    ".tsv": read_tsv,
    ".jsonl": read_jsonl,
    ".parquet": read_parquet,
}


def read_file(path: Path, find: ColumnFinder, chunk_rows: int) -> RowSource:
    """Opens a file by its ending; its rows come `chunk_rows` at a time, of the two columns that `find` chooses.

    Raises:
        UserError: the ending is unknown, the file cannot be opened, is empty, or is not what its ending says. What is
            wrong further down is raised by the rows, when they get there.
    """
    reader = READERS.get(path.suffix.casefold())
    if reader is None:
        raise UserError(
            f"the ending {path.suffix!r} is not one of {', '.join(READERS)}.", where=str(path), todo="Convert the file."
        )
    try:
        source = reader(path, find, chunk_rows)
    except OSError as error:
        raise _unreadable(path, error) from error
    return replace(source, chunks=at_least_one(_readable(source.chunks, path), str(path)))


def _readable(chunks: Iterator[Rows], path: Path) -> Iterator[Rows]:
    try:
        yield from chunks
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> UserError:
    return UserError(f"cannot be read: {error.strerror or error}.", where=str(path))
