"""An artifact: a folder with a manifest, written whole or not at all, replaced only where mctl made all of it."""

from __future__ import annotations

import fcntl
import glob
import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mctl.errors import UserError
from mctl.facts import check_facts
from mctl.ownership import (
    HISTORY,
    REPORT_FILES,
    companion_folder,
    is_companion,
    is_report,
    is_unfinished,
    is_verdict,
    tells_verdict,
    verdict_name,
)
from mctl.path_kind import kind_of

logger = logging.getLogger(__name__)
MANIFEST = "manifest.json"
# An artifact is written in `.NAME.xxxxxxxx.tmp/new`; the one that it replaces passes through `old` beside it. The mark
# holds NAME: it says that the hidden folder is mctl's, and it is locked while the two change places.
_MARK, _NEW, _OLD = "written-by-mctl", "new", "old"

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
    manifest_sha256: str = field(compare=False)
    """Of the manifest's file as it was read. What is said of this artifact is said of that one."""

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
        return Parent(name=self.name, manifest_sha256=self.manifest_sha256)

    def check_unchanged(self) -> None:
        """Refuse to record anything about an artifact that is not the one that was loaded any more.

        Work on an artifact takes minutes to hours, in which another command can replace it.

        Raises:
            UserError: it was replaced, changed or removed.
        """
        path = self.folder / MANIFEST
        if not path.is_file() or sha256_of(path) != self.manifest_sha256:
            raise UserError(
                "this artifact was replaced or removed while mctl was at work with it.",
                where=str(self.folder),
                todo="Run the command again, and nothing beside it that makes this artifact again.",
            )


def load_artifact(folder: Path) -> Artifact:
    """Open an artifact, checking that it is whole: manifest as it was written, every file there with its size.

    Hashes are the integrity check's business, since they read every byte. Where a process was killed while it replaced
    the artifact, the replacement is brought to its end first.

    Raises:
        UserError: not an artifact, an unreadable or edited manifest, or files missing, of another size or unreadable.
    """
    if not os.path.lexists(folder):
        settle(folder)
    return _whole(folder)


def _whole(folder: Path) -> Artifact:
    artifact = _opened(folder)
    for name, entry in artifact.manifest.files.items():
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
        check_readable(file)
    return artifact


def _opened(folder: Path) -> Artifact:
    """By its manifest alone: its files may be missing."""
    path = folder / MANIFEST
    if not path.is_file():
        kind = kind_of(folder)
        missing = f"{MANIFEST} is missing" if folder.is_dir() else ""
        found = "; ".join(part for part in (missing, kind.what if kind else "") if part)
        made = "Artifacts are made by `mctl finetune`, `mctl compress` and `mctl export`."
        raise UserError(f"no artifact here: {found}.", where=str(folder), todo=f"{kind.todo} {made}" if kind else made)
    check_readable(path)
    try:
        content = path.read_bytes()
        manifest = Manifest.model_validate_json(content)
        check_facts(manifest.kind, manifest.facts)
    except (ValidationError, OSError) as error:
        raise UserError(
            "the manifest is damaged or of another version of mctl.", where=str(path), todo="Make the artifact again."
        ) from error
    if manifest.digest != manifest.digested().digest:
        raise UserError(
            "the manifest was changed after it was written.", where=str(path), todo="Make the artifact again."
        )
    return Artifact(folder, manifest, hashlib.sha256(content).hexdigest())


def check_readable(file: Path) -> None:
    """Refuse a file that this user may not read, before a library says something else of it.

    Raises:
        UserError: no permission.
    """
    if not os.access(file, os.R_OK, effective_ids=os.access in os.supports_effective_ids):
        raise UserError(
            "you have no permission to read this file.",
            where=str(file),
            todo="Have its owner allow it: chmod a+r, and a+rx for the folder.",
        )


def inside(folder: Path, name: str) -> Path:
    """`folder / name`, refused when that is not within `folder` (absolute, `..`, or through a link).

    The links of a folder in the cache of the hub's client, `snapshots/COMMIT/config.json -> ../../blobs/HASH`, are not
    refused: they lead to the files of the same repository.

    Raises:
        UserError: the name leaves the folder.
    """
    path = folder / name
    target, root = path.resolve(), folder.resolve()
    plain = not Path(name).is_absolute() and ".." not in Path(name).parts
    if not plain or not (target.is_relative_to(root) or _is_blob(root, target)):
        raise UserError(
            f"the manifest names a file outside the artifact: {name!r}.",
            where=str(folder),
            todo="Do not use this artifact.",
        )
    return path


def _is_blob(root: Path, target: Path) -> bool:
    """Whether a folder lies in a snapshot of the hub's cache, and a file among the blobs of the same repository."""
    snapshots = next((folder for folder in root.parents if folder.name == "snapshots"), None)
    return snapshots is not None and target.parent == snapshots.parent / "blobs"


def artifacts_in(root: Path, kinds: tuple[Kind, ...]) -> list[Artifact]:
    """All artifacts of `kinds` under `root`, the oldest first; folders that are no artifacts are passed over."""
    for place in _interrupted(root):
        with suppress(FileNotFoundError):  # A living process may have come to its end just now.
            settle(root / _name_of(place))
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
    """A folder to write the files of an artifact into; `seal` it into its place. Removed if the body fails.

    It lies in a hidden sibling of `folder`. A process that is killed leaves at most that sibling, which is no artifact.
    """
    make_folder(folder.parent)
    place = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".tmp", dir=folder.parent))
    try:
        (place / _MARK).write_bytes(os.fsencode(folder.name))
        new = place / _NEW
        new.mkdir()
        yield new
    finally:
        shutil.rmtree(place / _NEW, ignore_errors=True)
        _close(place)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, unless they are there.

    Raises:
        UserError: a file is in the way.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        for path in (folder, *folder.parents):
            if path.is_symlink() and not path.exists():
                raise UserError(
                    "this link leads nowhere.", where=str(path), todo="Mend it, or name another folder."
                ) from error
        file = next((path for path in (folder, *folder.parents) if path.is_file()), folder)
        raise UserError(
            "this is a file where a folder is needed.", where=str(file), todo="Move it, or name another folder."
        ) from error


def seal(temporary: Path, folder: Path, manifest: Manifest) -> Artifact:
    """Complete an artifact: hash its files, write the manifest last, and rename the folder into place.

    An artifact of the same name is replaced; until the rename it is untouched, and it comes back if that fails. Of it
    goes only what mctl wrote: companions (`.DS_Store`, `.git`) and verdicts move into the new one.

    Args:
        temporary: from `writing`.
        folder: the artifact's place.
        manifest: without its files.

    Raises:
        UserError: something is in the way that mctl did not make, see `check_replaceable`.
    """
    _make_readable(temporary)
    files = {
        path.relative_to(temporary).as_posix(): FileEntry(sha256=sha256_of(path), bytes=path.stat().st_size)
        for path in sorted(temporary.rglob("*"))
        if path.is_file()
    }
    complete = manifest.model_copy(update={"files": files}).digested()
    content = (complete.model_dump_json(indent=2) + "\n").encode()
    write_atomically(temporary / MANIFEST, content)
    settle(folder)
    check_replaceable(folder, manifest.kind)
    place = temporary.parent
    with _locked(place):
        old = place / _OLD
        if folder.exists():
            folder.rename(old)
        try:
            temporary.rename(folder)
        except OSError as error:
            if os.path.lexists(folder):
                raise UserError(
                    "another command has put something here while this one was at work.",
                    where=str(folder),
                    todo="Run one command at a time for a folder; then run this one again.",
                ) from error
            if old.exists():
                old.rename(folder)
            raise
        _retire(old, folder)
    return Artifact(folder, complete, hashlib.sha256(content).hexdigest())


def check_replaceable(folder: Path, kind: Kind, *, where: str | None = None, todo: str | None = None) -> None:
    """Refuse to put an artifact where anything is but an artifact of mctl of the same kind.

    What is removed of it later are files with the hashes of its manifest, and reports of mctl. An artifact with other
    files in it, or with files that were changed, is refused. One with files missing may be made again.

    Args:
        folder: where the new artifact goes.
        kind: of the new artifact.
        where, todo: for the error, in place of the folder and of `--artifacts`.

    Raises:
        UserError: a link, a file, a folder that is no artifact, another kind of artifact, or files that mctl did not
            write.
    """
    manifest = check_kind(folder, kind, where=where, todo=todo)
    if manifest is None:
        return
    foreign = _foreign(folder, manifest)
    if foreign == ["README.md"] and "README.md" not in manifest.files:
        raise UserError(
            "the artifact would be made again, but its README.md, which was changed, tells the verdict on this one.",
            where=where or str(folder),
            todo="Move README.md to another folder, or write elsewhere with --artifacts.",
        )
    if foreign:
        few = ", ".join(foreign[:3]) + (f" and {len(foreign) - 3} more" if len(foreign) > 3 else "")
        raise UserError(
            f"the artifact would be made again, but mctl did not write these files in it, or they were changed: {few}.",
            where=where or str(folder),
            todo="Move them to another folder, or write elsewhere with --artifacts.",
        )


def refuse_inside_artifact(folder: Path, where: str) -> None:
    """Refuse to write into an artifact, whose files are counted and hashed.

    Args:
        folder: that is to be written to; it need not be there.
        where: the option that named it, for the error.

    Raises:
        UserError: it is an artifact, or lies in one.
    """
    place = folder.absolute().resolve()
    for parent in (place, *place.parents):
        try:
            found = (parent / MANIFEST).is_file() and _opened(parent)
        except (OSError, UserError):  # A folder that may not be searched, or a manifest of another program.
            continue
        if found:
            raise UserError(f"this is in the artifact {parent.name}.", where=where, todo="Name another folder.")


def check_kind(folder: Path, kind: Kind, *, where: str | None = None, todo: str | None = None) -> Manifest | None:
    """As `check_replaceable`, without looking at the files of an artifact.

    Returns:
        The manifest of the artifact that is there; None where nothing is.
    """
    if not os.path.lexists(folder):
        return None
    this = f"{folder} " if where else "this "
    where, todo = where or str(folder), todo or "Write elsewhere with --artifacts, or move it."
    if folder.is_symlink():
        raise UserError(f"{this}is a link: what it leads to is not replaced.", where=where, todo=todo)
    if not folder.is_dir():
        raise UserError(f"{this}is a file and is no artifact of mctl: it is kept.", where=where, todo=todo)
    try:
        manifest = _opened(folder).manifest
    except UserError as error:
        why = f" ({error.what[:-1]})" if os.path.lexists(folder / MANIFEST) else ""
        raise UserError(
            f"{this}is there already and is no artifact of mctl{why}: it is kept.", where=where, todo=todo
        ) from error
    if manifest.kind != kind:
        raise UserError(f"the {manifest.kind} in {folder} has this name.", where=where, todo=todo)
    return manifest


def _foreign(folder: Path, manifest: Manifest) -> list[str]:
    """Files, links and empty folders in an artifact that a new one would not keep and that mctl did not write."""
    return sorted(
        name for name in names_in(folder) if not (_is_ours(folder, name, manifest) or _is_kept(folder, name, manifest))
    )


def names_in(folder: Path) -> Iterator[str]:
    """Files, links and empty folders under a folder, relative to it, with forward slashes; links are not followed.

    Raises:
        OSError: a folder in it cannot be listed.
    """

    def give_up(error: OSError) -> None:
        raise error

    for parent, folders, files in os.walk(folder, onerror=give_up):
        here = Path(parent)
        linked = [name for name in folders if (here / name).is_symlink()]
        if not folders and not files and here != folder:
            yield here.relative_to(folder).as_posix()
        yield from ((here / name).relative_to(folder).as_posix() for name in (*files, *linked))


def _is_ours(folder: Path, name: str, manifest: Manifest) -> bool:
    """Whether a file of an artifact is as mctl wrote it, so that it may go."""
    path = folder / name
    if path.is_symlink() or not path.exists():
        return False
    if path.is_dir():  # Empty: its files are missing.
        return any(recorded.startswith(f"{name}/") for recorded in manifest.files)
    if not path.is_file():
        return False
    if entry := manifest.files.get(name):
        return path.stat().st_size == entry.bytes and sha256_of(path) == entry.sha256
    return name == MANIFEST or (name in REPORT_FILES and is_report(path))


def _is_kept(folder: Path, name: str, manifest: Manifest) -> bool:
    """Whether a file of an artifact moves into the one that replaces it."""
    if is_companion(folder, name) or is_unfinished(name):
        return True
    path = folder / name
    return _is_own_card(path, name, manifest) or (is_verdict(name) and is_report(path))


def _is_own_card(path: Path, name: str, manifest: Manifest) -> bool:
    """Whether this is a card that the user wrote for an export, without a verdict on it.

    A verdict in it would stand as one on the new export. The card of a model is one of its files, which the new
    artifact has too.
    """
    card = name == "README.md" and name not in manifest.files and path.is_file() and not path.is_symlink()
    return card and not tells_verdict(path.read_bytes())


def no_part_of(folder: Path) -> set[str]:
    """Names in an artifact's folder that are no part of it and no fault: reports and what systems and tools leave."""
    return {
        name
        for name in names_in(folder)
        if name == MANIFEST
        or name in REPORT_FILES
        or is_verdict(name)
        or is_unfinished(name)
        or is_companion(folder, name)
    }


def _retire(old: Path, folder: Path) -> None:
    """Move on what is kept of the artifact that was replaced, and remove what mctl wrote of it; no more than that."""
    if old.is_dir():
        if (old / MANIFEST).is_file():
            _empty(old, folder, _opened(old).manifest)
        _remove_empty(old)
        if any(old.iterdir()):
            logger.warning("%s has files that mctl did not write: it is kept", old)
        else:
            old.rmdir()
    _close(old.parent)


def _empty(old: Path, folder: Path, manifest: Manifest) -> None:
    for name in sorted(names_in(old)):
        if name == MANIFEST or (old / name).is_dir():
            continue
        if _is_ours(old, name, manifest):
            _keep_verdict(old / name, folder)
            (old / name).unlink()
        elif _is_kept(old, name, manifest):
            _move(old, folder, companion_folder(name) or name)
    _remove_empty(old)
    if [path.name for path in old.iterdir()] == [MANIFEST]:  # The last to go: it says what the others are.
        (old / MANIFEST).unlink()


def _keep_verdict(report: Path, folder: Path) -> None:
    """Before the newest verdict on an artifact goes with it: it stays among the others."""
    if report.name in ("validation.json", "validation-cuda.json"):
        keep_verdict(report.read_bytes(), folder)


def keep_verdict(verdict: bytes, folder: Path) -> None:
    """Add a verdict as JSON to the history of an export, unless it is there or is no verdict.

    Raises:
        UserError: a file is in the way of the history.
    """
    if (name := verdict_name(verdict)) and not (target := folder / HISTORY / name).exists():
        make_folder(target.parent)
        write_atomically(target, verdict)


def _move(old: Path, folder: Path, name: str) -> None:
    source, target = old / name, folder / name
    if os.path.lexists(source) and not os.path.lexists(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        source.rename(target)


def _remove_empty(folder: Path) -> None:
    """Remove the folders under a folder that hold nothing."""
    for parent, _, _ in os.walk(folder, topdown=False):
        if Path(parent) != folder and not any(Path(parent).iterdir()):
            Path(parent).rmdir()


def settle(folder: Path) -> None:
    """Bring to its end what a killed process began: the replacement of the artifact in `folder`.

    Between two renames there is no artifact under its name. The new one takes the place if it is whole, else the old
    one comes back. Where a living process is at it, this waits for the moment that it takes.
    """
    for place in _interrupted(folder.parent, folder.name):
        with suppress(FileNotFoundError), _locked(place):  # A living process may have come to its end just now.
            old = place / _OLD
            if not os.path.lexists(folder):
                whole = next((candidate for candidate in (place / _NEW, old) if _is_whole(candidate)), None)
                if whole is not None:
                    whole.rename(folder)
            if old.is_dir() and _is_whole(folder):
                _retire(old, folder)


def _is_whole(folder: Path) -> bool:
    try:
        _whole(folder)
    except UserError:
        return False
    return True


def _interrupted(root: Path, name: str = "") -> list[Path]:
    """The hidden folders of mctl under `root` in which an artifact called `name`, or any, was being replaced."""
    pattern = f".{glob.escape(name)}.*.tmp" if name else ".*.tmp"
    return [place for place in root.glob(pattern) if _is_interrupted(place) and name in ("", _name_of(place))]


def _is_interrupted(place: Path) -> bool:
    try:
        marked = (place / _MARK).is_file() and (place / _OLD).is_dir() and not place.is_symlink()
        return marked and place.name.startswith(f".{_name_of(place)}.")
    except (PermissionError, FileNotFoundError):  # Another user's; or a living process has just come to its end.
        return False


def _name_of(place: Path) -> str:
    return os.fsdecode((place / _MARK).read_bytes())


@contextmanager
def _locked(place: Path) -> Iterator[None]:
    """Alone in the hidden folder of one replacement: the kernel drops the lock when the process ends."""
    with (place / _MARK).open("rb") as mark:
        fcntl.flock(mark, fcntl.LOCK_EX)
        yield


def _close(place: Path) -> None:
    """Remove the hidden folder of a replacement, unless an artifact is left in it."""
    if not os.path.lexists(place / _OLD):
        (place / _MARK).unlink(missing_ok=True)
        if place.is_dir() and not any(place.iterdir()):
            place.rmdir()


def _make_readable(folder: Path) -> None:
    """Give files and folders the modes that the umask allows; safetensors and mkdtemp write for the user alone."""
    mask = _umask()
    folder.chmod(0o777 & ~mask)
    for path in folder.rglob("*"):
        if not path.is_symlink():
            path.chmod((0o777 if path.is_dir() else 0o666) & ~mask)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old content or the new one, never a part.

    What is there is replaced: callers ask `ownership` before whether it may be.
    """
    with tempfile.NamedTemporaryFile(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent, delete=False) as file:
        temporary = Path(file.name)
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
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
