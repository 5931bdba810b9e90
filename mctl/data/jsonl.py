"""JSON Lines: one object a line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain

from mctl.data.cells import Number, whole_number
from mctl.data.content import Content
from mctl.data.lines import Lines
from mctl.data.sniff import check_is_text
from mctl.data.table import Dialect, Table, TableRow
from mctl.errors import UserError

Record = tuple[int, Mapping[str, object]]
"""A record's number, from 1, and the object."""


def open_jsonl(content: Content, dialect: Dialect) -> Table:
    """Opens a file of JSON objects; the first one has the columns."""
    check_is_text(content)
    return table_of(lambda: _json_objects(content), content, dialect)


def table_of(read: Callable[[], Iterator[Record]], content: Content, dialect: Dialect) -> Table:
    """The table of some objects, which are read from the beginning at each call of `read`."""
    header = list({name: None for _, record in read() for name in record}) if dialect.every_key else None
    records = read()
    first = next(records, None)
    if first is None:
        raise UserError("the file holds no JSON object.", where=content.name, todo="Give it one object a line.")
    header = header or list(first[1])
    return Table(header, lambda places, key: _rows(chain([first], records), [header[place] for place in places]))


def _rows(records: Iterator[Record], names: Sequence[str]) -> Iterator[TableRow]:
    for number, record in records:
        yield number, [record.get(name) for name in names]


def _json_objects(content: Content) -> Iterator[Record]:
    """Blank lines are passed over."""
    lines = Lines(content)
    for line in lines:
        lines.record.clear()
        if text := line.strip():
            yield lines.number, _json_object(text, f"{content.name}, line {lines.number}")
    lines.close()


def each_key_once(where: str, pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    """An object of JSON.

    Raises:
        UserError: a key stands twice: Python would take the last value, and other readers the first.
    """
    record = dict(pairs)
    if len(record) == len(pairs):
        return record
    names = [name for name, _ in pairs]
    twice = next(name for name in names if names.count(name) > 1)
    raise UserError(f"the key {twice!r} stands twice in one object.", where=where, todo="Rename or remove one.")


def decoder(where: str) -> json.JSONDecoder:
    """Decodes JSON. A key that stands twice is refused, and numbers keep their digits."""
    return json.JSONDecoder(object_pairs_hook=partial(each_key_once, where), parse_float=Number, parse_int=whole_number)


def _json_object(line: str, where: str) -> Mapping[str, object]:
    todo = 'Each line must be one JSON object such as {"text": "...", "label": "..."}.'
    try:
        record = decoder(where).decode(line)
    except (ValueError, RecursionError) as error:
        raise UserError(f"is not JSON: {error}.", where=where, todo=todo) from error
    if not isinstance(record, dict):
        if isinstance(record, list):
            todo += " Name a file that is one array of objects .json."
        raise UserError(f"a JSON {type(record).__name__} instead of an object.", where=where, todo=todo)
    return record
