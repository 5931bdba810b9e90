"""Cells that are copied as they were written: what their value alone does not tell, and how they are written again."""

from __future__ import annotations

import json
import math
from typing import Any

from mctl.errors import UserError


class Null(str):
    """A text that stands for nothing, such as MySQL's `\\N`: no text for a model, and copied as it stands."""

    __slots__ = ()


class Number(float):
    """A number of JSON, with the digits that it was written in.

    >>> Number("1.10").written, float(Number("1.10"))
    ('1.10', 1.1)
    """

    written: str

    def __new__(cls, written: str) -> Number:
        number = super().__new__(cls, written)
        number.written = written
        return number


def whole_number(written: str) -> int | Number:
    """An integer of JSON, of which Python keeps all digits but the sign of a zero."""
    return Number(written) if written == "-0" else int(written)


def as_json(cell: object) -> str:
    """A cell as JSON: numbers in their own digits. What JSON has no word for is a text, and not-a-number is null.

    Raises:
        UserError: lists and objects are nested deeper than Python follows.

    >>> as_json({"n": Number("1.10"), "b": [True, None]})
    '{"n": 1.10, "b": [true, null]}'
    """
    return _encoded(cell, ", ", ": ")


def as_field(cell: object) -> object:
    """A cell for CSV: lists, objects and truth values as JSON, None for nothing, anything else as it is.

    >>> as_field({"b": None}), as_field(True), as_field("[a]"), as_field(Number("1.10"))
    ('{"b":null}', 'true', '[a]', '1.10')
    """
    if isinstance(cell, Number):
        return cell.written
    return _encoded(cell, ",", ":") if isinstance(cell, bool | dict | list | tuple) else cell


def _encoded(cell: object, comma: str, colon: str) -> str:
    try:
        return _nested(cell, comma, colon)
    except RecursionError as error:
        raise UserError(
            "a cell holds lists or objects that are nested too deep to be written.",
            todo="Leave this column out of the table.",
        ) from error


def _nested(cell: Any, comma: str, colon: str) -> str:
    if isinstance(cell, dict):
        pairs = [f"{_nested(str(key), '', '')}{colon}{_nested(value, comma, colon)}" for key, value in cell.items()]
        return f"{{{comma.join(pairs)}}}"
    if isinstance(cell, list | tuple):
        return f"[{comma.join([_nested(value, comma, colon) for value in cell])}]"
    if isinstance(cell, Number):
        return cell.written
    if isinstance(cell, float) and not math.isfinite(cell):
        return "null" if math.isnan(cell) else f'"{cell}"'
    return json.dumps(cell, ensure_ascii=False, default=str)
