"""What all stages share: reuse of what is done already, a work folder that survives a crash, and the manifest."""

from __future__ import annotations

import fcntl
import importlib.metadata
import logging
import os
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from mctl.artifact import (
    Artifact,
    Kind,
    Manifest,
    check_replaceable,
    load_artifact,
    make_folder,
    names_in,
    now,
    refuse_inside_artifact,
    settle,
)
from mctl.errors import UserError
from mctl.ownership import is_companion, is_work, work_mark
from mctl.pipeline.inherit import recorded
from mctl.processes import agree, by_main, count, is_main, wait
from mctl.progress import Progress
from mctl.recipe import Recipe
from mctl.report.verdict_files import sign_reports_of_0_1_0

logger = logging.getLogger(__name__)
_WORK, _LOCK = ".work", "lock"
_RECORDED = ("mctl", "torch", "transformers", "nn_pruning", "onnx", "onnxruntime-gpu", "onnxruntime", "datasets")


def finished(
    folder: Path, kind: Kind, key: str, progress: Progress, later: Sequence[tuple[Path, Kind]] = ()
) -> Artifact | None:
    """The artifact in `folder` if the same stage with the same inputs and settings made it and it is whole.

    Where there is none and it is to be made, what is in the way is refused here, before any work.

    Args:
        folder: the artifact's place.
        kind: of the artifact.
        key: of the stage.
        progress: told why it is made again.
        later: places and kinds of artifacts that the same command makes of this one, and so makes again too.

    Raises:
        UserError: something that mctl did not make is in one of these places.
    """
    refuse_inside_artifact(folder.parent, f"--artifacts {folder.parent}")
    by_main(lambda: settle(folder))
    why = ""
    if os.path.lexists(folder):
        try:
            artifact = load_artifact(folder)
        except UserError as error:
            why = f"{error} Making it again."
        else:
            if artifact.manifest.key == key:
                progress.say(f"{folder} is up to date.")
                return artifact
            why = (
                f"{folder} was made with other settings or inputs; it is replaced once the new one is complete. "
                "To keep it, write to another --artifacts."
            )
    for place, its_kind in ((folder, kind), *later):
        by_main(partial(sign_reports_of_0_1_0, place))
        check_replaceable(place, its_kind)
    if why:
        progress.say(why)
    return None


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
    make_folder(folder.parent)
    _check_work(folder)
    folder.mkdir(exist_ok=True)
    with (folder / _LOCK).open("a") as lock:
        try:
            # The kernel drops the lock when its process ends, however it ends.
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(
                "another mctl is making the same artifact.",
                where=str(folder),
                todo="Wait for it, or write to another folder with --artifacts.",
            ) from error
        if not lock.tell():
            lock.write(work_mark(folder).decode())
            lock.flush()
        try:
            yield
        except BaseException:
            # What was refused before the work began leaves no trace.
            if [path.name for path in folder.iterdir()] == [_LOCK]:
                _remove(folder)
            raise
        _remove(folder)  # While the lock is held: nobody can have begun in it.


def _check_work(folder: Path) -> None:
    """Refuse to work in a folder that mctl did not make, or in which somebody put something.

    Raises:
        UserError: a link, a file, a folder without mctl's lock, or a name in it that mctl does not give.
    """
    todo = "Move it, or write to another folder with --artifacts."
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise UserError("this is in the way of mctl's work folder.", where=str(folder), todo=todo)
    if not folder.exists():
        return
    others = sorted(name for name in names_in(folder) if not (is_work(folder, name) or is_companion(folder, name)))
    lock = folder / _LOCK
    if not others and not lock.exists():
        others = sorted(name for name in names_in(folder) if is_work(folder, name))
    if others:
        raise UserError(
            f"mctl did not write these files in its work folder: {', '.join(others[:3])}.", where=str(folder), todo=todo
        )


def made(folder: Path, make: Callable[[], Artifact]) -> Artifact:
    """What the main process makes of the result of all, and every process then has."""
    by_main(make)
    return load_artifact(folder)


def _remove(folder: Path) -> None:
    """Remove from a work folder what mctl wrote there, and the folders that are then empty."""
    for name in list(names_in(folder)):
        if name != _LOCK and is_work(folder, name) and not (folder / name).is_dir():
            (folder / name).unlink()
    for parent, _, _ in os.walk(folder, topdown=False):
        if Path(parent) != folder and not any(Path(parent).iterdir()):
            Path(parent).rmdir()
    (folder / _LOCK).unlink()
    for place in (folder, folder.parent):
        if not place.is_symlink() and not any(place.iterdir()):
            place.rmdir()


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
    """The manifest of a stage's result, but for the files, which `seal` adds.

    Raises:
        UserError: a parent is not the artifact any more that this was made from.
    """
    for parent in parents:
        parent.check_unchanged()
    return Manifest(
        kind=kind,
        name=folder.name,
        key=key,
        created=now(),
        parents=[parent.as_parent() for parent in parents],
        recipe=recorded(recipe, folder),
        data=dict(data),
        facts=dict(facts),
        versions=versions(),
    )


def versions() -> dict[str, str]:
    """Versions of what an artifact's content can depend on."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for name in _RECORDED:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            logger.debug("%s is not installed", name)
    return found
