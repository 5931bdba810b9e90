"""The bytes of one table: a file as it is, the one file in a .gz or .zip, or a stream such as standard input."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

from mctl.data.spool import Spool
from mctl.errors import UserError

COMPRESSED = (".gz", ".zip")
_PIECE_BYTES = 1 << 20
# Texts shrink to a tenth or a fiftieth. A small file that unpacks into more than this is meant to fill the disk.
_ALWAYS_ALLOWED_BYTES = 1 << 30
_LARGEST_RATIO = 100


@dataclass(frozen=True)
class Content:
    """What a reader reads, from its beginning as often as it likes.

    Args:
        name: file or stream, for messages.
        ending: of the table's own name: ".csv" for news.csv.gz.
        open: opens the bytes, which can be sought in.
    """

    name: str
    ending: str
    open: Callable[[], BinaryIO]


def open_content(path: Path) -> Content:
    """The table in a file. A compressed one is unpacked into a temporary file that has no name.

    Raises:
        UserError: a damaged or encrypted archive, one with several files, or one that would fill the disk.
        OSError: the file cannot be opened.
    """
    ending = path.suffix.casefold()
    if ending == ".gz":
        return _unpacked(path, Path(path.stem).suffix.casefold(), lambda: cast("BinaryIO", gzip.open(path)))
    if ending == ".zip":
        with _explained(path), zipfile.ZipFile(path) as archive:
            member = _only_member(archive, path)
            inner = PurePosixPath(member.filename).suffix.casefold()
            return _unpacked(path, inner, lambda: cast("BinaryIO", archive.open(member)))
    return Content(str(path), ending, lambda: path.open("rb"))


def stream_content(stream: BinaryIO, ending: str, name: str) -> Content:
    """The table in a stream that can be read once: it is copied into a temporary file that has no name."""
    return Content(name, ending, _copied(stream, None, name))


def _unpacked(path: Path, ending: str, open_stream: Callable[[], BinaryIO]) -> Content:
    most = max(_ALWAYS_ALLOWED_BYTES, _LARGEST_RATIO * path.stat().st_size)
    with _explained(path), open_stream() as stream:
        return Content(str(path), ending, _copied(stream, most, str(path)))


def _copied(stream: BinaryIO, most: int | None, where: str) -> Callable[[], BinaryIO]:
    spool, size = Spool(), 0
    while piece := stream.read(_PIECE_BYTES):
        size += len(piece)
        if most is not None and size > most:
            raise UserError(
                f"it unpacks into more than {most:,} bytes, which no table of texts does.",
                where=where,
                todo="Unpack it yourself if it is what it should be, and give the file in it.",
            )
        spool.write(piece)
    buffer = spool.finish()
    return lambda: cast("BinaryIO", io.BufferedReader(_View(buffer)))


class _View(io.RawIOBase):
    """A buffer as a file that can be read."""

    def __init__(self, buffer: Any) -> None:
        self._bytes, self._at = memoryview(buffer).cast("B"), 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: len(self._bytes)}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, target: Any) -> int:
        piece = self._bytes[self._at : self._at + len(target)]
        target[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)


def _only_member(archive: zipfile.ZipFile, path: Path) -> zipfile.ZipInfo:
    members = [member for member in archive.infolist() if not _is_companion(member)]
    if len(members) == 1:
        return members[0]
    names = [repr(member.filename) for member in members]
    held = f"{len(names)} files: {', '.join(names[:10])}{', ...' if len(names) > 10 else ''}" if names else "no file"
    raise UserError(
        f"the archive holds {held}.", where=str(path), todo="Give an archive of one file, or unpack it and give that."
    )


def _is_companion(member: zipfile.ZipInfo) -> bool:
    """Folders, and what operating systems put beside files."""
    parts = PurePosixPath(member.filename).parts
    return (
        member.is_dir()
        or "__MACOSX" in parts
        or parts[-1].startswith("._")
        or parts[-1].casefold() in {".ds_store", "thumbs.db", "desktop.ini"}
    )


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (gzip.BadGzipFile, zipfile.BadZipFile, EOFError, zlib.error) as error:
        raise UserError(f"the archive is damaged: {error}.", where=str(path), todo="Make it again.") from error
    except (RuntimeError, NotImplementedError) as error:  # zipfile's words for passwords and for rare methods
        raise UserError(f"the archive cannot be unpacked: {error}.", where=str(path), todo="Unpack it.") from error
