"""JSON Lines: one object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from pathlib import Path

from mctl.data.dataset import Columns
from mctl.data.rows import ColumnFinder, Rows, RowSource, to_rows
from mctl.data.sniff import check_is_text, not_utf8
from mctl.errors import UserError

Record = tuple[int, Mapping[str, object]]
"""A line's number, from 1, and the object on it."""


def read_jsonl(path: Path, find: ColumnFinder, chunk_rows: int) -> RowSource:
    """Opens a file of JSON objects; the first one has the columns."""
    check_is_text(path)
    records = _json_objects(path)
    first = next(records, None)
    if first is None:
        raise UserError("the file holds no JSON object.", where=str(path), todo="Give it one object a line.")
    columns = find(list(first[1]))
    return RowSource(columns, _rows(chain([first], records), columns, chunk_rows, str(path)))


def _rows(records: Iterator[Record], columns: Columns, chunk_rows: int, where: str) -> Iterator[Rows]:
    while chunk := list(islice(records, chunk_rows)):
        texts = [record.get(columns.text) for _, record in chunk]
        labels = [record.get(columns.label) for _, record in chunk]
        yield to_rows(texts, labels, [number for number, _ in chunk], columns, where)


def _json_objects(path: Path) -> Iterator[Record]:
    """Blank lines are passed over."""
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
