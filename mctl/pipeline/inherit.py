"""Settings that a stage takes from the artifact it starts from, unless the user says otherwise."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from mctl.artifact import MANIFEST, Artifact
from mctl.data import DataSettings
from mctl.errors import UserError
from mctl.recipe import Recipe

DEFAULT_MAX_LENGTH = 128
_RELATIVE_TO = "relative_to"


def resolved(recipe: Recipe, parent: Artifact | None = None) -> Recipe:
    """The recipe with nothing left open: what manifests record.

    Args:
        parent: the teacher, whose data and length of texts hold where the recipe names none.

    Raises:
        UserError: the recipe names no data, and neither does the parent.
    """
    length, data = recipe.model.max_length, recipe.data
    if parent is not None:
        length = length or int(parent.manifest.facts["max_length"])
        if data.source is None:
            data = data_of(parent).model_copy(update=_said(data))
    model = recipe.model.model_copy(update={"max_length": length or DEFAULT_MAX_LENGTH})
    return recipe.model_copy(update={"model": model, "data": data})


def recorded(recipe: Recipe, folder: Path) -> dict[str, Any]:
    """A recipe as the manifest of `folder` holds it.

    Paths stay as the user named them. `relative_to` is the way from the artifact to the folder that they are relative
    to, so that a later command finds the data from any folder, also where data and artifacts moved together.
    """
    return recipe.model_dump(mode="json") | {_RELATIVE_TO: os.path.relpath(Path.cwd(), folder.resolve())}


def _said(data: DataSettings) -> dict[str, object]:
    """What of the data's settings holds for the parent's data too, where the user has said it."""
    said: dict[str, object] = {
        "max_dropped": data.max_dropped,
        "test": data.test_file,
        "label_spelling": None if data.label_spelling == "exact" else data.label_spelling,
        **{name: getattr(data, name) for name in ("quotes", "sheet") if name in data.model_fields_set},
    }
    return {name: value for name, value in said.items() if value is not None}


def data_of(artifact: Artifact) -> DataSettings:
    """The data settings that an artifact was made with, with paths that hold where the command runs.

    Raises:
        UserError: the manifest holds no such settings.
    """
    try:
        settings = DataSettings.model_validate(artifact.manifest.recipe["data"])
    except (KeyError, ValidationError) as error:
        raise UserError(
            "the manifest does not say which data the artifact was made from.",
            where=str(artifact.folder / MANIFEST),
            todo="Name them with --data, or make the artifact again.",
        ) from error
    paths = {"source": settings.source, "test": settings.test}
    here = {name: seen_from_here(path, artifact) for name, path in paths.items() if isinstance(path, str)}
    return settings.model_copy(update=here)


def label_spelling_of(artifact: Artifact, recipe: Recipe) -> Literal["exact", "fold"]:
    """How labels are compared: as the recipe at hand says, or as when the artifact was made."""
    if "label_spelling" in recipe.data.model_fields_set:
        return recipe.data.label_spelling
    try:
        return data_of(artifact).label_spelling
    except UserError:  # It does not say.
        return "exact"


def is_data_of(source: str, artifact: Artifact) -> bool:
    """Whether a source is the one that an artifact was made from, however its path is written."""
    try:
        made_from = data_of(artifact).source
    except UserError:  # An artifact that says no more than what was named.
        made_from = artifact.manifest.data.get("source")
    if made_from is None or source == made_from:
        return source == made_from
    return _is_same_place(Path(source).expanduser(), Path(made_from).expanduser())


def is_model_of(name: str, recorded: str, artifact: Artifact) -> bool:
    """Whether a model's name is that of the model that an artifact records: the same folder, or the same hub id.

    Args:
        name: as the user says it, from the folder that the command runs in.
        recorded: as the manifest of `artifact` has it.
    """
    way = artifact.manifest.recipe.get(_RELATIVE_TO)
    there = artifact.folder.resolve() / way if isinstance(way, str) else Path()
    ours, theirs = Path(name).expanduser(), there / Path(recorded).expanduser()
    if ours.exists() or theirs.exists():
        return _is_same_place(ours, theirs)
    return name == recorded


def _is_same_place(ours: Path, theirs: Path) -> bool:
    return ours.exists() and theirs.exists() and ours.samefile(theirs)


def file_of_test_texts(artifact: Artifact) -> Path | None:
    """The file of test texts that an artifact was made with, if it is here."""
    named = (artifact.manifest.recipe.get("data") or {}).get("test")
    path = Path(seen_from_here(named, artifact)) if isinstance(named, str) else None
    return path if path is not None and path.is_file() else None


def seen_from_here(path: str, artifact: Artifact) -> str:
    """A path of a manifest, seen from the folder that the command runs in. Those of mctl 0.1.0 are as they are."""
    way = artifact.manifest.recipe.get(_RELATIVE_TO)
    if not isinstance(way, str) or Path(path).is_absolute():
        return path
    here, folder = Path.cwd().resolve(), (artifact.folder.resolve() / way).resolve()
    if folder == here or not (folder / path).exists():
        return path
    return os.path.relpath(folder / path, here)


def max_length(recipe: Recipe) -> int:
    """Tokens that texts are cut to, of a resolved recipe."""
    assert recipe.model.max_length is not None, "the recipe is not resolved"
    return recipe.model.max_length
