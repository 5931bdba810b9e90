"""What all stages share: reuse of what is done already, a work folder that survives a crash, and the manifest."""

from __future__ import annotations

import fcntl
import importlib.metadata
import logging
import platform
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from mctl.artifact import Artifact, Kind, Manifest, Parent, load_artifact, make_folder, now
from mctl.errors import UserError
from mctl.processes import agree, by_main, count, is_main, wait
from mctl.progress import Progress
from mctl.recipe import Recipe

logger = logging.getLogger(__name__)
_WORK = ".work"
_RECORDED = ("mctl", "torch", "transformers", "nn_pruning", "onnx", "onnxruntime-gpu", "onnxruntime", "datasets")


def finished(folder: Path, key: str, progress: Progress) -> Artifact | None:
    """The artifact in `folder` if the same stage with the same inputs and settings made it and it is whole."""
    if not folder.exists():
        return None
    try:
        artifact = load_artifact(folder)
    except UserError as error:
        progress.say(f"{error} Making it again.")
        return None
    if artifact.manifest.key != key:
        progress.say(f"{folder} was made with other settings or inputs; it is replaced once the new one is complete.")
        return None
    progress.say(f"{folder} is up to date.")
    return artifact


@contextmanager
def work_folder(root: Path, stage: str, key: str) -> Iterator[Path]:
    """A folder for checkpoints, kept when the body fails or is killed, removed when it succeeds.

    It is found again by the key alone, so a stage resumes only what it would have done itself. What several processes
    do together depends on how many they are, so their number is part of the name.

    Raises:
        UserError: another command is at work on the same stage, or processes of this one on another.
    """
    together = f"-{count()}" if count() > 1 else ""
    folder = root / _WORK / f"{stage}-{key[:16]}{together}"
    if not agree(key):
        raise UserError(
            "the processes of this command do not see the same data, model and settings.",
            todo="Give every machine the same files and the same command.",
        )
    with _locked(folder) if is_main() else nullcontext():
        wait()
        yield folder
        wait()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    make_folder(folder)
    with (folder / "lock").open("w") as lock:
        try:
            # The kernel drops the lock when its process ends, however it ends.
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(
                "another mctl is making the same artifact.",
                where=str(folder),
                todo="Wait for it, or write to another folder with --artifacts.",
            ) from error
        try:
            yield
        except BaseException:
            # What was refused before the work began leaves no trace.
            if [path.name for path in folder.iterdir()] == ["lock"]:
                _remove(folder)
            raise
        _remove(folder)  # While the lock is held: nobody can have begun in it.


def made(folder: Path, make: Callable[[], Artifact]) -> Artifact:
    """What the main process makes of the result of all, and every process then has."""
    by_main(make)
    return load_artifact(folder)


def _remove(folder: Path) -> None:
    """Remove a work folder, and the folder of all of them if it was the last."""
    shutil.rmtree(folder, ignore_errors=True)
    parent = folder.parent
    if parent.exists() and not any(parent.iterdir()):
        parent.rmdir()


def manifest(
    kind: Kind,
    folder: Path,
    key: str,
    recipe: Recipe,
    *,
    parents: list[Artifact],
    data: Mapping[str, Any],
    facts: Mapping[str, Any],
) -> Manifest:
    """The manifest of a stage's result, but for the files, which `seal` adds."""
    return Manifest(
        kind=kind,
        name=folder.name,
        key=key,
        created=now(),
        parents=[_parent(artifact) for artifact in parents],
        recipe=recipe.model_dump(mode="json"),
        data=dict(data),
        facts=dict(facts),
        versions=versions(),
    )


def _parent(artifact: Artifact) -> Parent:
    return artifact.as_parent()


def versions() -> dict[str, str]:
    """Versions of what an artifact's content can depend on."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for name in _RECORDED:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            logger.debug("%s is not installed", name)
    return found
