"""The teacher that a compression starts from: named, found, or made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mctl.artifact import MANIFEST, Artifact, Kind, load_artifact, newest_artifact
from mctl.errors import UserError
from mctl.pipeline.finetune import adopt, finetune
from mctl.progress import Progress
from mctl.recipe import Recipe


def find_or_make_teacher(recipe: Recipe, progress: Progress, later: Sequence[tuple[Path, Kind]] = ()) -> Artifact:
    """The teacher to compress: the one that `[compress] teacher` names, the newest one there is, or a new one.

    Args:
        later: places of what the same command makes of it, see `stage.finished`.
    """
    if recipe.compress.teacher is not None:
        return _artifact_of(Path(recipe.compress.teacher), recipe.artifacts) or adopt(recipe, progress, later)
    if recipe.model.name is not None:
        return finetune(recipe, progress, later)
    teacher = newest_artifact(recipe.artifacts, ("teacher",))
    if teacher is None:
        raise UserError(
            f"there is no teacher in {recipe.artifacts}, and no model to make one from.",
            where="--model",
            todo="Name an encoder with --model, or a fine-tuned classifier with --teacher.",
        )
    progress.say(f"teacher: {teacher.folder}, the newest there is")
    return teacher


def _artifact_of(folder: Path, root: Path) -> Artifact | None:
    """The artifact that `--teacher` names, when it is one of `root`; a teacher from elsewhere is copied there, because
    `validate` looks for it beside what is made of it.

    Raises:
        UserError: it is an artifact, but no teacher.
    """
    if not (folder / MANIFEST).is_file():
        return None
    artifact = load_artifact(folder)
    if artifact.manifest.kind != "teacher":
        raise UserError(
            f"this is a {artifact.manifest.kind} artifact, not a teacher.",
            where=str(folder),
            todo="Compress its teacher; a compressed model is not compressed again.",
        )
    return artifact if folder.resolve().parent == root.resolve() else None
