"""Tables as MySQL writes them: a backslash before what would end a field, and codes for what cannot be seen.

`SELECT ... INTO OUTFILE` puts a backslash before a tab, a line feed and a backslash; `mysql --batch` writes \\t, \\n
and \\\\ instead. Neither puts fields in quotes. Both write \\N for NULL, which is left as it is here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from mctl.data.lines import Lines
from mctl.errors import UserError

_MEANING = {"n": "\n", "t": "\t", "r": "\r", "0": "\x00", "b": "\b", "Z": "\x1a", "N": r"\N"}
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ENDS = re.compile(r"(?<!\\)(?:\\\\)*\n\Z")  # A line feed after an even number of backslashes.
_MOST_LINES = 1_000


def backslash_records(
    lines: Lines, begun: Sequence[str], separator: str, where: str
) -> Iterator[tuple[int, list[str]]]:
    """The records of a file: the line that each begins on, and its fields. A carriage return alone ends none.

    Raises:
        UserError: a record goes on for more than a thousand lines.
    """
    field = re.compile(rf"((?:[^{re.escape(separator)}\\]|\\.)*)(?:{re.escape(separator)}|\Z)", re.DOTALL)
    record = "".join(begun)
    start = lines.number + 1 - len(begun)
    while record or (record := next(lines, "")):
        while not _ENDS.search(record) and (more := next(lines, "")):
            record += more
            if lines.number - start > _MOST_LINES:
                raise UserError(
                    f"a backslash stands before the end of each of {_MOST_LINES} lines.",
                    where=f"{where}, line {start}",
                    todo='If backslashes mean nothing in this file, do not set quotes = "backslash".',
                )
        yield start, _fields(re.sub(r"\r?\n\Z", "", record), field)
        lines.record.clear()
        start, record = lines.number + 1, ""


def _fields(record: str, field: re.Pattern[str]) -> list[str]:
    found: list[str] = []
    at = 0
    while at <= len(record) and record:
        match = field.match(record, at)
        if match is None:  # a backslash at the very end of the file
            return [*found, record[at:]]
        found.append(_ESCAPED.sub(lambda code: _MEANING.get(code[1], code[1]), match[1]))
        if match.end() == len(record) and (match.end() == match.end(1)):
            return found
        at = match.end()
    return found
