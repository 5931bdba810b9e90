"""Is a file what its ending says?"""

from __future__ import annotations

import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE

from mctl.data.content import Content
from mctl.errors import UserError

_HEAD_BYTES = 4096
_SIGNATURES = (
    (b"PAR1", "a Parquet file"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF-", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\xd0\xcf\x11\xe0", "an old or encrypted Office file"),
    (BOM_UTF32_LE, "text in UTF-32"),
    (BOM_UTF32_BE, "text in UTF-32"),
    (b"SQLite format 3", "an SQLite database"),
)


_JSON = re.compile(rb"\s*(\{\s*[\"}]|\[\s*[\[{\"])")
"""How JSON begins that is an object or an array of what rows are made of; `[text],[label]` is a header."""


def check_is_text(content: Content) -> None:
    """Refuses what is certainly not a file of text rows.

    Raises:
        UserError: the file is empty, has the signature of another format, or holds NUL bytes near its beginning.
    """
    head = _head(content)
    if not head.strip():
        raise UserError("the file is empty.", where=content.name, todo="Give it rows, or another file.")
    found = next((name for signature, name in _SIGNATURES if head.startswith(signature)), None)
    if found is None and b"\x00" in head and not _is_utf16(head):
        found = "binary data"
    if found is not None:
        raise UserError(
            f"this is {found}, not {content.ending} text.",
            where=content.name,
            todo="Give the file its true ending, or save it as CSV, TSV or JSONL in UTF-8.",
        )


def check_is_not_json(content: Content) -> None:
    """Refuses JSON behind the ending of a table.

    Raises:
        UserError: the first character opens a JSON object or array.
    """
    if _JSON.match(_head(content).removeprefix(BOM_UTF8)):
        raise UserError(
            f"this is JSON, not {content.ending} text.",
            where=content.name,
            todo="Name JSON with one object a line .jsonl, and an array of objects .json.",
        )


def encoding_of(content: Content) -> str:
    """UTF-16 where a byte order mark says so; else UTF-8, whose mark is passed over."""
    return "utf-16" if _is_utf16(_head(content)) else "utf-8-sig"


def _head(content: Content) -> bytes:
    with content.open() as file:
        return file.read(_HEAD_BYTES)


def _is_utf16(head: bytes) -> bool:
    return head.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) and not head.startswith(BOM_UTF32_LE)


def bad_text(content: Content) -> UserError:
    """The error for a content that does not decode, with the line and the byte of the first fault in UTF-8."""
    if encoding_of(content) == "utf-16":
        return UserError("the text is not UTF-16, as it begins.", where=content.name, todo=_SAVE_AS_UTF8)
    offset = 0
    with content.open() as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                return not_utf8(content.name, number, offset, error)
            offset += len(line)
    return UserError("the text is not UTF-8.", where=content.name, todo=_SAVE_AS_UTF8)


def not_utf8(name: str, line: int, line_offset: int, error: UnicodeDecodeError) -> UserError:
    """The error for one line that does not decode.

    Args:
        name: of the file.
        line: the line's number, from 1.
        line_offset: bytes before the line.
        error: what `line.decode` raised.
    """
    byte = error.object[error.start]
    return UserError(
        f"byte 0x{byte:02x} (number {line_offset + error.start + 1} of the file) is not UTF-8.",
        where=f"{name}, line {line}",
        todo=_SAVE_AS_UTF8,
    )


_SAVE_AS_UTF8 = "Save the file as UTF-8."
