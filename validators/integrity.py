"""Are the files of a folder the ones that were written, and nothing else? Is its ONNX file sound?

Reads bytes; executes nothing and unpickles nothing.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from .errors import ValidatorError
from .onnx_file import OnnxResult, check_onnx
from .paths import is_safe_name

__all__ = ["FileRecord", "FilesResult", "OnnxResult", "check_files", "check_onnx", "sha256_of"]


@dataclass(frozen=True)
class FileRecord:
    """What a file was when it was written: its sha256 in hexadecimal, and its length in bytes."""

    sha256: str
    bytes: int


@dataclass(frozen=True)
class FilesResult:
    """A folder against its records; names are relative and posix, each list sorted.

    Attributes:
        files: records checked.
        bytes: length of all files that were read and are as recorded.
        missing: recorded, but nothing is there.
        changed: there, but of another length or content, or not a regular file.
        unexpected: there, but neither recorded nor ignored.
        unsafe: recorded under a name that must not be opened: absolute, with `..`, not in its plain form, or a way out
            of the folder through a link.
    """

    files: int
    bytes: int
    missing: tuple[str, ...]
    changed: tuple[str, ...]
    unexpected: tuple[str, ...]
    unsafe: tuple[str, ...]

    @property
    def intact(self) -> bool:
        """Whether nothing is missing, changed, unexpected or unsafe."""
        return not (self.missing or self.changed or self.unexpected or self.unsafe)


def check_files(folder: str | Path, records: Mapping[str, FileRecord], *, ignore: Collection[str] = ()) -> FilesResult:
    """Compare the regular files under a folder with records of them.

    Args:
        folder: an existing folder.
        records: by name relative to the folder, with forward slashes.
        ignore: names that may stand there without a record (the file that holds the records, later reports). A name
            that is recorded too is checked all the same.

    Raises:
        ValidatorError: if there is no such folder.
        OSError: if a recorded file or a folder cannot be read.
    """
    root = Path(folder)
    if not root.is_dir():
        raise ValidatorError(f"there is no folder {root}")
    verdicts = {name: _check_file(root.resolve(), name, record) for name, record in records.items()}
    by_verdict = {
        verdict: tuple(sorted(name for name, given in verdicts.items() if given == verdict))
        for verdict in ("intact", "missing", "changed", "unsafe")
    }
    return FilesResult(
        files=len(records),
        bytes=sum(records[name].bytes for name in by_verdict["intact"]),
        missing=by_verdict["missing"],
        changed=by_verdict["changed"],
        unexpected=tuple(sorted(name for name in _names(root) if not _is_known(name, records, ignore))),
        unsafe=by_verdict["unsafe"],
    )


def sha256_of(path: str | Path) -> str:
    """Hexadecimal sha256 of a file, read in pieces, so that memory does not grow with it.

    Raises:
        OSError: if the file cannot be read.
    """
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_file(root: Path, name: str, record: FileRecord) -> str:
    if not is_safe_name(root, name):
        return "unsafe"
    path = root / name
    if not os.path.lexists(path) or (path.is_symlink() and not path.exists()):
        return "missing"
    # is_file first: opening a named pipe would wait for ever.
    if not path.is_file() or path.stat().st_size != record.bytes:
        return "changed"
    return "intact" if sha256_of(path) == record.sha256.lower() else "changed"


def _names(root: Path) -> Iterator[str]:
    """Everything under `root` that is not a real folder, without following links."""
    for parent, folders, files in os.walk(root, onerror=_raise, followlinks=False):
        linked = [name for name in folders if (Path(parent) / name).is_symlink()]
        for name in (*files, *linked):
            yield (Path(parent) / name).relative_to(root).as_posix()


def _raise(error: OSError) -> None:
    # os.walk skips a folder it cannot list, and whatever lies in it would pass for absent.
    raise error


def _is_known(name: str, records: Mapping[str, FileRecord], ignore: Collection[str]) -> bool:
    if name in records or name in ignore:
        return True
    return any(recorded.startswith(f"{name}/") for recorded in records)
