"""Settings that a stage takes from the artifact it starts from, unless the user says otherwise."""

from __future__ import annotations

from pydantic import ValidationError

from mctl.artifact import MANIFEST, Artifact
from mctl.data import DataSettings
from mctl.errors import UserError
from mctl.recipe import Recipe

DEFAULT_MAX_LENGTH = 128


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
            data = _data_of(parent)
    model = recipe.model.model_copy(update={"max_length": length or DEFAULT_MAX_LENGTH})
    return recipe.model_copy(update={"model": model, "data": data})


def _data_of(artifact: Artifact) -> DataSettings:
    try:
        return DataSettings.model_validate(artifact.manifest.recipe["data"])
    except (KeyError, ValidationError) as error:
        raise UserError(
            "the manifest does not say which data the artifact was made from.",
            where=str(artifact.folder / MANIFEST),
            todo="Name them with --data, or make the artifact again.",
        ) from error


def max_length(recipe: Recipe) -> int:
    """Tokens that texts are cut to, of a resolved recipe."""
    assert recipe.model.max_length is not None, "the recipe is not resolved"
    return recipe.model.max_length
