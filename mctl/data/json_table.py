"""JSON that is one value: an array of objects, or an object of columns as pandas writes it. JSON Lines are read too."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from mctl.data.content import Content
from mctl.data.jsonl import Record, decoder, open_jsonl, table_of
from mctl.data.sniff import bad_text, check_is_text, encoding_of
from mctl.data.table import Dialect, Table
from mctl.errors import UserError

_PIECE_CHARACTERS = 1 << 16
_BLANK = re.compile(r"[ \t\r\n]*")
_TODO = 'Give an array of objects such as [{"text": "...", "label": "..."}], or one object a line.'


def open_json(content: Content, dialect: Dialect) -> Table:
    """Opens a JSON file. The objects of an array are read one at a time; columns are read at once."""
    check_is_text(content)
    try:
        with _text(content) as file:
            first_line = file.readline(_PIECE_CHARACTERS)
    except UnicodeDecodeError as error:
        raise bad_text(content) from error
    if first_line.lstrip()[:1] == "[":
        return table_of(lambda: _objects(content), content, dialect)
    if _is_row(first_line):
        return open_jsonl(content, dialect)
    rows = list(enumerate(_from_columns(content), start=1))
    return table_of(lambda: iter(rows), content, dialect)


def _text(content: Content) -> io.TextIOWrapper:
    return io.TextIOWrapper(content.open(), encoding=encoding_of(content))


def _is_row(line: str) -> bool:
    """Whether a line is an object with a text or a number in it, so that the file has one a line."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return not isinstance(value, dict) or not all(isinstance(cell, dict | list) for cell in value.values())


class _Buffer:
    """The text of a file from some place on, as far as it has been looked at."""

    def __init__(self, content: Content) -> None:
        self._content, self._file = content, _text(content)
        self.text, self.at, self.ended = "", 0, False

    def more(self) -> None:
        """Read on: a piece, or as much as is held, so that a long value is not parsed again too often."""
        self.text, self.at = self.text[self.at :], 0
        try:
            piece = self._file.read(max(_PIECE_CHARACTERS, len(self.text)))
        except UnicodeDecodeError as error:
            raise bad_text(self._content) from error
        self.text += piece
        if not piece:
            self.ended = True
            self._file.close()

    def next(self) -> str:
        """The next character that is not blank; "" at the end."""
        while True:
            match = _BLANK.match(self.text, self.at)
            assert match is not None
            self.at = match.end()
            if self.at < len(self.text) or self.ended:
                return self.text[self.at : self.at + 1]
            self.more()


def _objects(content: Content) -> Iterator[Record]:
    """The objects of an array, numbered from 1."""
    buffer = _Buffer(content)
    buffer.next()
    buffer.at += 1
    number = 0
    while buffer.next() != "]":
        number += 1
        where = f"{content.name}, row {number}"
        value = _value(buffer, where)
        if not isinstance(value, dict):
            raise UserError(f"a JSON {type(value).__name__} instead of an object.", where=where, todo=_TODO)
        yield number, value
        if buffer.next() == ",":
            buffer.at += 1
        elif buffer.next() != "]":
            raise UserError("is not JSON: a comma or ] is missing after it.", where=where, todo=_TODO)
    buffer.at += 1
    if buffer.next():
        raise UserError("is not JSON: more follows after the array.", where=content.name, todo=_TODO)


def _value(buffer: _Buffer, where: str) -> Any:
    reader = decoder(where)
    while True:
        try:
            value, end = reader.raw_decode(buffer.text, buffer.at)
        except (ValueError, RecursionError) as error:
            if buffer.ended or isinstance(error, RecursionError):
                raise UserError(f"is not JSON: {error}.", where=where, todo=_TODO) from error
        else:
            if end < len(buffer.text) or buffer.ended:
                buffer.at = end
                return value
        buffer.more()


def _from_columns(content: Content) -> Iterator[Mapping[str, object]]:
    """The rows of {"text": [...], "label": [...]}, or of {"text": {"0": ...}, ...}."""
    try:
        with _text(content) as file:
            columns = decoder(content.name).decode(file.read())
    except UnicodeDecodeError as error:
        raise bad_text(content) from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"is not JSON: {error}.", where=content.name, todo=_TODO) from error
    keys = [_keys(column) for column in columns.values()] if isinstance(columns, dict) else []
    if not keys or keys[0] is None or any(other != keys[0] for other in keys):
        raise UserError(
            "is neither an array of objects nor an object of equal columns.", where=content.name, todo=_TODO
        )
    for key in keys[0]:
        yield {name: column[key] for name, column in columns.items()}


def _keys(column: object) -> list[Any] | None:
    if isinstance(column, list):
        return list(range(len(column)))
    return list(column) if isinstance(column, dict) else None
