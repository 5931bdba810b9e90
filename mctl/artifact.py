"""An artifact: a folder with a manifest, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mctl.errors import UserError
from mctl.facts import check_facts

MANIFEST = "manifest.json"
# Written into an artifact folder after it is complete, so no part of it: reports of the newest verdict of each
# provider, and a folder with every verdict.
REPORT_FILES = frozenset(
    {
        "validation.json",
        "validation.html",
        "junit.xml",
        "validation.sarif",
        "validation-cuda.json",
        "validation-cuda.html",
        "junit-cuda.xml",
        "validation-cuda.sarif",
        "README.md",
    }
)
HISTORY = "verdicts"
_VERDICT = re.compile(r"\d{8}T\d{6}\.\d{6}Z-(cpu|cuda)\.json")

Kind = Literal["teacher", "compressed", "export"]


class FileEntry(BaseModel):
    """One file of an artifact."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    sha256: str
    bytes: int


class Parent(BaseModel):
    """An artifact that this one was made from, and the manifest it had then."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    manifest_sha256: str


class Manifest(BaseModel):
    """What is known about an artifact.

    `key` identifies the stage that made it: two artifacts with one key were made from the same inputs with the same
    settings. `facts` hold what a stage adds: layout, parameter counts, metrics, emissions. `digest` is the SHA-256 of
    all the rest: no signature, but a slip of an editor does not go unseen.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    schema_version: Literal[1] = 1
    kind: Kind
    name: str
    key: str
    created: str
    parents: list[Parent] = Field(default_factory=list)
    recipe: dict[str, Any] = Field(default_factory=dict)
    data: dict[str, Any] = Field(default_factory=dict)
    facts: dict[str, Any] = Field(default_factory=dict)
    versions: dict[str, str] = Field(default_factory=dict)
    files: dict[str, FileEntry] = Field(default_factory=dict)
    digest: str = ""

    def digested(self) -> Manifest:
        """The same with the digest that belongs to it."""
        content = self.model_dump(mode="json", exclude={"digest"})
        canonical = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return self.model_copy(update={"digest": hashlib.sha256(canonical.encode()).hexdigest()})


@dataclass(frozen=True)
class Artifact:
    """A complete artifact on disk."""

    folder: Path
    manifest: Manifest

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.folder.name

    @property
    def weights_bytes(self) -> int:
        """Size of the files that hold its weights."""
        files = self.manifest.files.items()
        return sum(entry.bytes for name, entry in files if name.startswith(("model.", "model-")))

    def as_parent(self) -> Parent:
        """How a child's manifest refers to this artifact."""
        return Parent(name=self.name, manifest_sha256=sha256_of(self.folder / MANIFEST))


def load_artifact(folder: Path) -> Artifact:
    """Open an artifact, checking that it is whole: manifest as it was written, every file there with its size.

    Hashes are the integrity check's business, since they read every byte.

    Raises:
        UserError: not an artifact, an unreadable or edited manifest, or files missing or of another size.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise UserError(
            f"no artifact here: {MANIFEST} is missing.",
            where=str(folder),
            todo="Artifacts are made by `mctl finetune`, `mctl compress` and `mctl export`.",
        )
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
        check_facts(manifest.kind, manifest.facts)
    except (ValidationError, OSError) as error:
        raise UserError(
            "the manifest is damaged or of another version of mctl.", where=str(path), todo="Make the artifact again."
        ) from error
    if manifest.digest != manifest.digested().digest:
        raise UserError(
            "the manifest was changed after it was written.", where=str(path), todo="Make the artifact again."
        )
    for name, entry in manifest.files.items():
        file = inside(folder, name)
        if not file.is_file():
            raise UserError(
                f"the artifact is incomplete: {name} is missing.",
                where=str(folder),
                todo="Make it again, or copy it again.",
            )
        if file.stat().st_size != entry.bytes:
            raise UserError(
                f"{name} has {file.stat().st_size} bytes where the manifest says {entry.bytes}.",
                where=str(folder),
                todo="The file was changed or cut short. Make the artifact again.",
            )
    return Artifact(folder, manifest)


def inside(folder: Path, name: str) -> Path:
    """`folder / name`, refused when that is not within `folder` (absolute, `..`, or through a link).

    Raises:
        UserError: the name leaves the folder.
    """
    path = folder / name
    if Path(name).is_absolute() or not path.resolve().is_relative_to(folder.resolve()):
        raise UserError(
            f"the manifest names a file outside the artifact: {name!r}.",
            where=str(folder),
            todo="Do not use this artifact.",
        )
    return path


def artifacts_in(root: Path, kinds: tuple[Kind, ...]) -> list[Artifact]:
    """All artifacts of `kinds` under `root`, the oldest first; folders that are no artifacts are passed over."""
    found = []
    for path in root.glob(f"*/{MANIFEST}"):
        if path.parent.name.startswith("."):
            continue
        try:
            artifact = load_artifact(path.parent)
        except UserError:
            continue
        if artifact.manifest.kind in kinds:
            found.append(artifact)
    return sorted(found, key=lambda artifact: artifact.manifest.created)


def newest_artifact(root: Path, kinds: tuple[Kind, ...]) -> Artifact | None:
    """The artifact of one of `kinds` under `root` that was made last, if there is any."""
    return next(reversed(artifacts_in(root, kinds)), None)


def stage_key(stage: str, settings: Mapping[str, Any], inputs: Mapping[str, str]) -> str:
    """Identity of a stage's result: its settings and the hashes of its inputs."""
    canonical = json.dumps([stage, settings, inputs], sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()


@contextmanager
def writing(folder: Path) -> Iterator[Path]:
    """A temporary sibling of `folder` to write files into; `seal` it into place. Removed if the body fails.

    A process that is killed leaves at most a hidden sibling, which is not an artifact.
    """
    make_folder(folder.parent)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".tmp", dir=folder.parent))
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, unless they are there.

    Raises:
        UserError: a file is in the way.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        file = next((path for path in (folder, *folder.parents) if path.is_file()), folder)
        raise UserError(
            "this is a file where a folder is needed.", where=str(file), todo="Move it, or name another folder."
        ) from error


def seal(temporary: Path, folder: Path, manifest: Manifest) -> Artifact:
    """Complete an artifact: hash its files, write the manifest last, and rename the folder into place.

    An artifact of the same name is replaced; until the rename it is untouched, and it comes back if that fails.
    """
    files = {
        path.relative_to(temporary).as_posix(): FileEntry(sha256=sha256_of(path), bytes=path.stat().st_size)
        for path in sorted(temporary.rglob("*"))
        if path.is_file()
    }
    complete = manifest.model_copy(update={"files": files}).digested()
    # mkdtemp makes folders for one user alone; an artifact is as readable as what else the user writes.
    temporary.chmod(0o777 & ~_umask())
    write_atomically(temporary / MANIFEST, (complete.model_dump_json(indent=2) + "\n").encode())
    old = temporary.with_suffix(".old")
    if folder.exists():
        folder.rename(old)
    try:
        temporary.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)
    return Artifact(folder, complete)


def reports_in(folder: Path) -> set[str]:
    """Names, relative to an artifact's folder, of the reports in it, of its history of verdicts, and of what a process
    was killed in the middle of writing. None of them is a part of the artifact.
    """
    name = re.compile(rf"\.({'|'.join(map(re.escape, sorted(REPORT_FILES)))})\.\d+\.tmp")
    killed = {path.name for path in folder.glob(".*.tmp") if name.fullmatch(path.name)}
    name = re.compile(rf"{_VERDICT.pattern}|\.{_VERDICT.pattern}\.\d+\.tmp")
    kept = {f"{HISTORY}/{path.name}" for path in (folder / HISTORY).glob("*") if name.fullmatch(path.name)}
    return {*REPORT_FILES, *killed, *kept}


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old content or the new one, never a part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def now() -> str:
    """The time, as manifests write it: UTC, ISO 8601, microseconds so that order is kept."""
    return datetime.now(UTC).isoformat()


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
