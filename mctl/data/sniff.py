"""Is a file what its ending says?"""

from __future__ import annotations

from pathlib import Path

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
    (b"\xff\xfe", "text in UTF-16"),
    (b"\xfe\xff", "text in UTF-16"),
    (b"SQLite format 3", "an SQLite database"),
)


def check_is_text(path: Path) -> None:
    """Refuses what is certainly not a file of text rows.

    Raises:
        UserError: the file is empty, has the signature of another format, or holds NUL bytes near its beginning.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if not head.strip():
        raise UserError("the file is empty.", where=str(path), todo="Give it rows, or another file.")
    found = next((name for signature, name in _SIGNATURES if head.startswith(signature)), None)
    if found is None and b"\x00" in head:
        found = "binary data"
    if found is not None:
        raise UserError(
            f"this is {found}, not {path.suffix} text.",
            where=str(path),
            todo="Give the file its true ending, or save it as CSV, TSV or JSONL in UTF-8.",
        )


def check_is_not_json(path: Path) -> None:
    """Refuses JSON behind the ending of a table.

    Raises:
        UserError: the first character opens a JSON object or array.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"["):
        raise UserError(
            f"this is JSON, not {path.suffix} text.", where=str(path), todo="Name JSON with one object a line .jsonl."
        )


def bad_utf8(path: Path) -> UserError:
    """The error for a file that is not UTF-8, with the line and the byte of the first fault."""
    offset = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                return not_utf8(path, number, offset, error)
            offset += len(line)
    return UserError("the text is not UTF-8.", where=str(path), todo=_SAVE_AS_UTF8)


def not_utf8(path: Path, line: int, line_offset: int, error: UnicodeDecodeError) -> UserError:
    """The error for one line that does not decode.

    Args:
        path: the file.
        line: the line's number, from 1.
        line_offset: bytes before the line.
        error: what `line.decode` raised.
    """
    byte = error.object[error.start]
    return UserError(
        f"byte 0x{byte:02x} (number {line_offset + error.start + 1} of the file) is not UTF-8.",
        where=f"{path}, line {line}",
        todo=_SAVE_AS_UTF8,
    )


_SAVE_AS_UTF8 = "Save the file as UTF-8."
