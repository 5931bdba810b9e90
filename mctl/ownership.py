"""Whose file is it: mctl's, the user's, or one that a system or a tool left beside ours.

Nothing that mctl did not make is removed or replaced. A report that a later run replaces is known by a sign in its
content; what an artifact holds is known by the hashes of its manifest (`artifact.check_replaceable`).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path, PurePosixPath

from mctl.errors import UserError

# Written into an export after it is complete, so no part of it.
REPORT_FILES = frozenset(
    {
        *("validation.json", "validation.html", "junit.xml", "validation.sarif", "README.md"),
        *("validation-cuda.json", "validation-cuda.html", "junit-cuda.xml", "validation-cuda.sarif"),
    }
)
HISTORY = "verdicts"
"""Folder in an export with every verdict that was ever reached on it."""
_VERDICT = re.compile(rf"{HISTORY}/\d{{8}}T\d{{6}}\.\d{{6}}Z-(cpu|cuda)\.json")

# What macOS, Windows, Linux desktops, network drives, git and the hub's client leave in a folder.
_COMPANION_FILES = frozenset(
    {
        *(".DS_Store", ".localized", "Icon\r", "Thumbs.db", "ehthumbs.db", "desktop.ini", ".directory"),
        *(".git", ".gitattributes", ".gitignore", ".gitkeep", ".gitmodules", ".huggingface"),
    }
)
_COMPANION_FOLDERS = frozenset({".git", "__MACOSX", "@eaDir", ".AppleDouble", ".cache/huggingface", ".huggingface"})
_NETWORK_LEFTOVER = re.compile(r"\.(nfs|fuse_hidden)[0-9a-f]{8,}")
_APPLE_DOUBLE = b"\x00\x05\x16\x07"
# What could be loaded as a model or run as code is nobody's companion, wherever it lies.
_LOADABLE = frozenset(
    {
        *(".bin", ".ckpt", ".dll", ".dylib", ".gguf", ".h5", ".joblib", ".keras", ".msgpack", ".npy", ".npz", ".onnx"),
        *(".pb", ".pickle", ".pkl", ".pt", ".pth", ".py", ".pyc", ".safetensors", ".so", ".tflite"),
    }
)

_TRAINER_FILE = (
    r"([\w.-]*\.safetensors|(config|generation_config|trainer_state|pruning|vocab|added_tokens|special_tokens_map"
    r"|tokenizer\w*|model\.safetensors\.index)\.json|(optimizer|scheduler|scaler)\.(pt|bin)|rng_state\w*\.pth"
    r"|training_args\.bin|complete|vocab\.txt|merges\.txt|[\w.-]*\.model|\.[\w.-]+\.tmp)"
)
_WORK_FILE = re.compile(
    r"lock|(latency|settled)\.json|\.[\w.-]+\.tmp|tokens-\w+(/.*)?|timing/(.*/)?[\w.-]*model\.onnx[\w.]*"
    rf"|(teacher|labels)/(complete|\w+\.npy)|stripped/{_TRAINER_FILE}|((ramp|recovery)/)?checkpoint-\d+/{_TRAINER_FILE}"
)


def is_companion(folder: Path, name: str) -> bool:
    """Whether a file in an artifact is one that a system or a tool left there, and is neither a model nor code.

    Args:
        folder: the artifact's.
        name: of the file, relative to it, with forward slashes.

    >>> is_companion(Path("artifacts/teacher"), ".DS_Store")
    True
    >>> is_companion(Path("artifacts/teacher"), ".cache/huggingface/pytorch_model.bin")
    False
    """
    path, file = PurePosixPath(name), folder / name
    if file.is_symlink():
        return False
    if path.name.startswith("._") and _starts_with(file, _APPLE_DOUBLE):
        return True
    if path.suffix.lower() in _LOADABLE:
        return False
    parents = {str(parent) for parent in path.parents}
    return (
        path.name in _COMPANION_FILES
        or path.name.startswith("._")
        or not _COMPANION_FOLDERS.isdisjoint(parents)
        or _NETWORK_LEFTOVER.fullmatch(path.name) is not None
    )


def companion_folder(name: str) -> str | None:
    """The folder of a tool that a companion lies in, relative to the artifact; None for one that stands alone.

    >>> companion_folder(".git/refs/heads/main")
    '.git'
    """
    parents = [str(parent) for parent in PurePosixPath(name).parents]
    return next((parent for parent in reversed(parents) if parent in _COMPANION_FOLDERS), None)


def is_unfinished(name: str) -> bool:
    """Whether this is the name of a report that a process was killed in the middle of writing."""
    found = re.fullmatch(r"(.*/)?\.([^/]+)\.\w+\.tmp", name)
    if found is None:
        return False
    written = f"{found[1] or ''}{found[2]}"
    return written in REPORT_FILES or is_verdict(written)


def is_verdict(name: str) -> bool:
    """Whether a name in an export's folder is that of a verdict in its history."""
    return _VERDICT.fullmatch(name) is not None


def is_work(name: str) -> bool:
    """Whether a name inside a work folder is one that mctl or its trainer gives.

    >>> is_work("ramp/checkpoint-12/optimizer.pt"), is_work("ramp/notes.txt")
    (True, False)
    """
    return _WORK_FILE.fullmatch(name) is not None


def refuse_to_replace(path: Path, flag: str) -> None:
    """Refuse to write where anything is: a file, a folder, or a link, also one that leads nowhere.

    Args:
        path: what is to be written.
        flag: the option that names another place, as the user types it.

    Raises:
        UserError: something is in the way.
    """
    if path.is_symlink():
        raise UserError("a link is in the way.", where=str(path), todo=f"Move it, or name another place: {flag}.")
    if path.exists():
        what = "a folder" if path.is_dir() else "a file"
        raise UserError(
            f"{what} that mctl did not write is in the way.",
            where=str(path),
            todo=f"Move it, or name another place: {flag}.",
        )


def refuse_unless_report(path: Path, flag: str) -> None:
    """Refuse to write where anything is but a report of mctl's own, which a newer one replaces.

    Raises:
        UserError: something else is in the way.
    """
    if not is_report(path):
        refuse_to_replace(path, flag)


def is_report(path: Path) -> bool:
    """Whether this is a regular file that mctl wrote as a report, by a sign in its content."""
    if path.is_symlink() or not path.is_file():
        return False
    content = path.read_bytes()
    if path.suffix == ".md":
        return _is_signed(content)
    return any(sign in content for sign in _SIGNS.get(path.suffix, ())) or _is_result(content)


def signed(page: bytes) -> bytes:
    """A Markdown page with a last line by which an edit of it is noticed: people add to model cards."""
    return page + f"\n<!-- {SIGN}. SHA-256 of what is above: {hashlib.sha256(page).hexdigest()} -->\n".encode()


def _is_signed(content: bytes) -> bool:
    page, _, _ = content.rpartition(b"\n<!-- ")
    return content == signed(page)


SIGN = "Written by mctl"
"""Stands in every report that is text with comments, and in the metadata of every picture."""


def picture_metadata(format: str) -> dict[str, str | None]:
    """What matplotlib writes into a picture, so that it is known again: the sign, and no date.

    Args:
        format: "png", "svg" or "pdf".
    """
    if format == "png":
        return {"Software": SIGN}
    return {"Creator": SIGN, "Date" if format == "svg" else "CreationDate": None}


_SIGNS = {
    # The second sign of each is what version 0.1.0 wrote.
    ".html": (SIGN.encode(), b"content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\""),
    ".xml": (b'package="mctl"',),
    ".sarif": (b'"name": "mctl"',),
    ".svg": (SIGN.encode(),),
    ".png": (SIGN.encode(),),
    ".pdf": (SIGN.encode(),),
}


def _is_result(content: bytes) -> bool:
    """Whether this is the JSON of a verdict or of a benchmark."""
    try:
        found = json.loads(content)
    except ValueError:
        return False
    return isinstance(found, dict) and "schema_version" in found and ("verdict" in found or "points" in found)


def _starts_with(file: Path, start: bytes) -> bool:
    if not file.is_file() or not os.access(file, os.R_OK):
        return False
    with file.open("rb") as opened:
        return opened.read(len(start)) == start
