"""Tables as MySQL writes them: a backslash before what would end a field, and codes for what cannot be seen.

`SELECT ... INTO OUTFILE` puts a backslash before a tab, a line end and a backslash, and may put fields in quotes;
`mysql --batch` writes \\t, \\n and \\\\ instead. Both write \\N for NULL, which is left as it is here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from mctl.data.lines import Lines
from mctl.errors import UserError

_MEANING = {"n": "\n", "t": "\t", "r": "\r", "0": "\x00", "b": "\b", "Z": "\x1a", "N": r"\N"}
_MOST_LINES = 1_000


def backslash_records(
    lines: Lines, begun: Sequence[str], separator: str, where: str
) -> Iterator[tuple[int, list[str]]]:
    """The records of a file: the line that each begins on, and its fields.

    Raises:
        UserError: a quote or a backslash takes in what follows, to the end of the file or over a thousand lines.
    """
    quoted = r'"(?:[^"\\]|\\.|"")*"'
    plain = rf'(?!")(?:[^{re.escape(separator)}\\\r\n]|\\\r?.)*'
    field = re.compile(rf"({quoted}|{plain})({re.escape(separator)}|\r?\n|\r|$)", re.DOTALL)
    record = "".join(begun)
    start = lines.number + 1 - len(begun)
    while record or (record := next(lines, "")):
        while (fields := _fields(record, field)) is None:
            more = next(lines, "")
            if not more or lines.number - start > _MOST_LINES:
                raise UserError(
                    "a quote opens a text, or a backslash stands before the end of the line, and the record does not "
                    "end.",
                    where=f"{where}, line {start}",
                    todo='If backslashes mean nothing in this file, do not set quotes = "backslash".',
                )
            record += more
        yield start, fields
        lines.record.clear()
        start, record = lines.number + 1, ""


def _fields(record: str, field: re.Pattern[str]) -> list[str] | None:
    """The fields of a record; None if it goes on."""
    found, at = [], 0
    while match := field.match(record, at):
        found.append(_plain(match[1]))
        at = match.end()
        if at == len(record) and match[2].strip("\r\n") == "":
            return found if found != [""] else []
    return None


def _plain(field: str) -> str:
    if field.startswith('"'):
        field = field[1:-1].replace('""', '"')
    if "\\" not in field:
        return field
    return re.sub(r"\\(.)", lambda match: _MEANING.get(match[1], match[1]), field, flags=re.DOTALL)
