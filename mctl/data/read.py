"""One file of rows: CSV, TSV, JSONL or Parquet."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mctl.data.dataset import Columns
from mctl.data.rows import ColumnFinder, Rows, to_rows
from mctl.data.sniff import bad_utf8, check_is_not_json, check_is_text, not_utf8
from mctl.errors import UserError


def read_file(path: Path, find: ColumnFinder) -> Rows:
    """Reads the two columns that `find` chooses from a file, by the file's ending.

    Raises:
        UserError: the ending is unknown, the file cannot be opened, is empty, or is not what its ending says; with the
            row or line where there is one.
    """
    reader = READERS.get(path.suffix.casefold())
    if reader is None:
        raise UserError(
            f"the ending {path.suffix!r} is not one of {', '.join(READERS)}.", where=str(path), todo="Convert the file."
        )
    try:
        return reader(path, find)
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror or error}.", where=str(path)) from error


def _read_csv(path: Path, find: ColumnFinder) -> Rows:
    return _read_separated(path, find, ",")


def _read_tsv(path: Path, find: ColumnFinder) -> Rows:
    return _read_separated(path, find, "\t")


def _read_separated(path: Path, find: ColumnFinder, separator: str) -> Rows:
    check_is_text(path)
    check_is_not_json(path)
    table = _parse_separated(path, separator)
    names = [str(name).strip() for name in table.iloc[0]]
    columns = find(names)
    body = table.iloc[1:]
    texts, labels = (body.iloc[:, names.index(name)].tolist() for name in columns)
    return to_rows(texts, labels, range(2, len(table) + 1), columns, str(path))


def _parse_separated(path: Path, separator: str) -> Any:
    """The file as a frame of strings, its header as the first row.

    The header is read as a row because pandas, told of a header, takes a longer first row for one with an index. Values
    are never turned into NaN: "NA" and "null" are words. Blank lines stay, so that row numbers hold. A byte
    order mark is passed over by pandas' own parser.
    """
    try:
        return pd.read_csv(
            path, sep=separator, header=None, dtype=str, na_filter=False, skip_blank_lines=False, encoding="utf-8"
        )
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


def _read_jsonl(path: Path, find: ColumnFinder) -> Rows:
    check_is_text(path)
    columns: Columns | None = None
    texts: list[object] = []
    labels: list[object] = []
    numbers: list[int] = []
    for number, record in _json_objects(path):
        columns = columns or find(list(record))
        texts.append(record.get(columns.text))
        labels.append(record.get(columns.label))
        numbers.append(number)
    if columns is None:
        raise UserError("the file holds no JSON object.", where=str(path), todo="Give it one object a line.")
    return to_rows(texts, labels, numbers, columns, str(path))


def _json_objects(path: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    """Line numbers, from 1, and the objects on them; blank lines are passed over."""
    offset = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
            except UnicodeDecodeError as error:
                raise not_utf8(path, number, offset, error) from error
            offset += len(line)
            if text:
                yield number, _json_object(text, f"{path}, line {number}")


def _json_object(line: str, where: str) -> Mapping[str, object]:
    todo = 'Each line must be one JSON object such as {"text": "...", "label": "..."}.'
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UserError(f"is not JSON: {error}.", where=where, todo=todo) from error
    if not isinstance(record, dict):
        raise UserError(f"a JSON {type(record).__name__} instead of an object.", where=where, todo=todo)
    return record


def _read_parquet(path: Path, find: ColumnFinder) -> Rows:
    try:
        with pq.ParquetFile(path) as file:
            columns = find(file.schema_arrow.names)
            table = file.read(columns=list(columns))
    except pa.ArrowException as error:
        first_line = str(error).splitlines()[0]
        raise UserError(f"is not a Parquet file: {first_line}", where=str(path), todo="Write it anew.") from error
    labels = _with_class_names(table, columns.label, str(path))
    return to_rows(table[columns.text].to_pylist(), labels, range(1, table.num_rows + 1), columns, str(path))


def _with_class_names(table: Any, label: str, where: str) -> list[object]:
    """Label values; ids become names if the file was written by `datasets` and says what they are called."""
    values: list[object] = table[label].to_pylist()
    if b"huggingface" not in (table.schema.metadata or {}):
        return values
    from datasets import Features  # a second of import, for the few files that need it

    try:
        feature = Features.from_arrow_schema(table.schema).get(label)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"its `huggingface` metadata cannot be read: {error}.", where=where) from error
    return class_names_for(values, feature)


def class_names_for(values: list[object], feature: object) -> list[object]:
    """Replaces the ids of a `datasets.ClassLabel` by its names, and -1, which means unlabelled, by None."""
    names = getattr(feature, "names", None)
    if names is None:
        return values
    return [names[v] if isinstance(v, int) and 0 <= v < len(names) else None for v in values]


READERS: Mapping[str, Callable[[Path, ColumnFinder], Rows]] = {
    ".csv": _read_csv,
    ".tsv": _read_tsv,
    ".jsonl": _read_jsonl,
    ".parquet": _read_parquet,
}
