"""Whose file is it: mctl's, the user's, or one that a system or a tool left beside ours.

Nothing that mctl did not make is removed or replaced. A report that a later run replaces is known by its content, a
file in a work folder by its name and its beginning, and what an artifact holds by the hashes of its manifest
(`artifact.check_replaceable`).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

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
    r"(model(-\d+-of-\d+)?\.safetensors|(config|generation_config|trainer_state|pruning|vocab|added_tokens"
    r"|special_tokens_map|tokenizer(_config)?|model\.safetensors\.index)\.json|(optimizer|scheduler|scaler)\.(pt|bin)"
    r"|rng_state(_\d+)?\.pth|training_args\.bin|complete|vocab\.txt|merges\.txt"
    r"|(tokenizer|spiece|spm|sentencepiece\.bpe)\.model|\.pruning\.json\.\w+\.tmp)"
)
_WORK_FILE = re.compile(
    r"lock|(latency|settled)\.json|\.(latency|settled)\.json\.\w+\.tmp|tokens-\w+(/(tmp\w+|[\w-]+\.arrow))?"
    r"|timing/(.*/)?\.?model\.onnx[\w.]*|(teacher|labels)/(complete|(logits|starts|hidden|relations)\.npy)"
    rf"|stripped/{_TRAINER_FILE}|((ramp|recovery)/)?checkpoint-\d+/{_TRAINER_FILE}"
)
# How a file of a kind begins; of one that was cut off early, what there is.
_BEGINNINGS = {
    ".arrow": (b"ARROW1", b"\xff\xff\xff\xff"),
    ".bin": (b"PK\x03\x04",),
    ".json": (b"{", b"["),
    ".npy": (b"\x93NUMPY",),
    ".onnx": (b"\x08",),
    ".pt": (b"PK\x03\x04",),
    ".pth": (b"PK\x03\x04",),
    ".tmp": (b"{", b"["),
}
_LENGTH_BYTES, _SHORT_HEADER = 8, 3
_EMPTY = {"complete", "lock"}


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


def is_work(folder: Path, name: str) -> bool:
    """Whether mctl or its trainer wrote a file in a work folder: by its name and by how it begins.

    Text files of tokenizers (`vocab.txt`, `merges.txt`) and weights beside a graph have no fixed beginning: there the
    name decides.

    An empty file holds nothing that could be lost, and is what a killed process leaves of any.

    Args:
        folder: the work folder.
        name: of the file, or of an empty folder, relative to it, with forward slashes.
    """
    path = folder / name
    if path.is_symlink() or _WORK_FILE.fullmatch(name) is None:
        return False
    if path.is_dir():
        return True
    with path.open("rb") as file:
        content = file.read(256)
    if not content:
        return True
    if path.name in _EMPTY:
        return path.name == "lock" and content == work_mark(folder)
    if path.suffix == ".safetensors":  # The length of a header, the low bytes first, and the header in JSON.
        length, header = content[:_LENGTH_BYTES], content[_LENGTH_BYTES : _LENGTH_BYTES + 1]
        return not any(length[_SHORT_HEADER:]) and header in (b"", b"{")
    beginnings = _BEGINNINGS.get(path.suffix)
    return beginnings is None or any(content.startswith(one) or one.startswith(content) for one in beginnings)


def work_mark(folder: Path) -> bytes:
    """What the lock of a work folder holds; that of version 0.1.0 is empty.

    >>> work_mark(Path("artifacts/.work/teacher-0123456789abcdef"))
    b'Written by mctl: teacher-0123456789abcdef'
    """
    return f"{SIGN}: {folder.name}".encode()


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
    """Whether this is a regular file that mctl wrote as a report, by its content.

    A report that is text with comments ends with a sign that holds the hash of what is above: an edited one is the
    user's. JSON has to be a verdict, a benchmark or SARIF of mctl in its parts; a benchmark and SARIF hold the hash of
    their other parts, and a verdict has to be as it stands in the history beside it. Of a picture, the metadata have
    the sign. What version 0.1.0 wrote had no signs: see `verdict_files.sign_reports_of_0_1_0`.
    """
    if path.is_symlink() or not path.is_file():
        return False
    content = path.read_bytes()
    if path.suffix in _SIGNED:
        return _is_signed(content)
    if path.suffix in _WITHOUT_COMMENTS:
        return _WITHOUT_COMMENTS[path.suffix](content) and not _differs_from_history(path, content)
    return path.suffix in _PICTURES and SIGN.encode() in content


def signed(page: bytes) -> bytes:
    """Markdown, HTML or XML with a last line by which an edit of it is noticed: people add to model cards."""
    return page + f"\n<!-- {SIGN}. SHA-256 of what is above: {hashlib.sha256(page).hexdigest()} -->\n".encode()


def _is_signed(content: bytes) -> bool:
    page, _, _ = content.rpartition(b"\n<!-- ")
    return content == signed(page)


def tells_verdict(card: bytes) -> bool:
    """Whether a model card has figures or the verdict of a validation, as those that mctl writes have.

    >>> tells_verdict(b"# My model\\n\\nAsk Asha before you use it.")
    False
    """
    return any(sign in card for sign in (b"model-index:", b"made with mctl", b"Its verdict of", b"It has no verdict"))


SIGN = "Written by mctl"
"""Stands in the last line of every report that is text with comments, and in the metadata of every picture."""


def picture_metadata(format: str) -> dict[str, str | None]:
    """What matplotlib writes into a picture, so that it is known again, and no date.

    Args:
        format: "png", "svg", which has its sign from `signed_picture`, or "pdf".
    """
    if format == "png":
        return {"Software": SIGN}
    return {"Date": None} if format == "svg" else {"Creator": SIGN, "CreationDate": None}


def signed_picture(content: bytes, format: str) -> bytes:
    """A picture of matplotlib with the sign of mctl: SVG is text, and signed as text is."""
    return signed(content) if format == "svg" else content


_SIGNED = {".md", ".html", ".xml", ".svg"}
_PICTURES = {".png", ".pdf"}


def _is_result(content: bytes) -> bool:
    """Whether this is the JSON of a verdict or of a benchmark."""
    return verdict_of(content) is not None or _is_bench(_parsed(content))


def verdict_of(content: bytes) -> dict[str, Any] | None:
    """The JSON of a verdict, also of version 0.1.0; None where it is anything else, or lacks a part that all have."""
    found = _parsed(content)
    parts = {"schema_version": int, "artifact": str, "participants": dict, "checks": list}
    if not _has(found, parts) or found.get("verdict") not in ("pass", "fail", "inconclusive", "error"):
        return None
    return found if found.get("provider") in (None, "cpu", "cuda") else None


def verdict_name(content: bytes) -> str | None:
    """Name in `verdicts/` of a verdict as JSON: its time and where it was measured.

    None for a report of an error, and for what is no verdict.
    """
    found = verdict_of(content)
    if found is None or found["verdict"] == "error":
        return None
    match found:
        case {"provider": str(provider)} | {"comparison": {"measured_with": {"provider": "cuda" as provider}}}:
            measured = provider
        case _:
            measured = "cpu"
    made = datetime.fromisoformat(found["created"]).astimezone(UTC)
    return f"{made:%Y%m%dT%H%M%S.%f}Z-{measured}.json"


def _differs_from_history(path: Path, content: bytes) -> bool:
    """Whether an export has a history that does not have this verdict: somebody edited it since.

    The history has each verdict before it gets its usual name. Version 0.1.0 kept none; it gave no reasons.
    """
    name, history = verdict_name(content), path.parent / HISTORY
    if name is None or not history.is_dir() or not any(history.iterdir()):
        return False
    kept = history / name
    if kept.is_file():
        return kept.read_bytes() != content
    return _parsed(content).get("reason") is not None


def _is_bench(found: dict[str, Any]) -> bool:
    parts = {"schema_version": int, "participants": dict, "points": list, "threads": int}
    if not _has(found, parts) or found.get("provider") not in ("cpu", "cuda"):
        return False
    if "sha256" in found:
        return bool(found["sha256"] == bench_hash(found))
    return found.keys() == _BENCH_OF_0_1_0


_BENCH_OF_0_1_0 = {
    *("schema_version", "created", "participants", "baseline", "provider", "threads", "clock", "points", "memory_at"),
    *("emissions_at", "measured_with", "notes", "machine", "versions"),
}


def bench_hash(document: Mapping[str, Any]) -> str:
    """SHA-256 of a benchmark as JSON, without the field `sha256`: there it stands as the sign of mctl."""
    return _hash({name: value for name, value in document.items() if name != "sha256"})


def sarif_hash(document: Mapping[str, Any]) -> str:
    """SHA-256 of a SARIF document, without the properties of its run: there it stands as the sign of mctl."""
    runs = [{key: value for key, value in run.items() if key != "properties"} for run in document["runs"]]
    return _hash({**document, "runs": runs})


def _hash(document: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def _is_sarif(content: bytes) -> bool:
    """Whether this is a SARIF file of mctl that nobody changed.

    That of version 0.1.0 has no sign: it is known by having the parts that mctl writes, and no others such as
    suppressions.
    """
    document = _parsed(content)
    match document:
        case {"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "mctl"}}, "properties": dict(properties)}]}:
            return properties == {SIGN: sarif_hash(document)}
        case {"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "mctl"}}, "results": list(results), **more}]}:
            return not more and all(isinstance(one, dict) and one.keys() <= _SARIF_RESULT for one in results)
    return False


_SARIF_RESULT = {"ruleId", "ruleIndex", "level", "kind", "message", "locations", "partialFingerprints"}
_WITHOUT_COMMENTS = {".json": _is_result, ".sarif": _is_sarif}


def _parsed(content: bytes) -> dict[str, Any]:
    """The object of a JSON document; an empty one where it is something else."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _has(found: dict[str, Any], parts: Mapping[str, type]) -> bool:
    """Whether there are parts of these types, and a time."""
    try:
        datetime.fromisoformat(found["created"])
    except (KeyError, TypeError, ValueError):
        return False
    return all(isinstance(found.get(name), kind) for name, kind in parts.items())


def _starts_with(file: Path, start: bytes) -> bool:
    if not file.is_file() or not os.access(file, os.R_OK):
        return False
    with file.open("rb") as opened:
        return opened.read(len(start)) == start
