"""Settings that a stage takes from the artifact it starts from, unless the user says otherwise."""

from __future__ import annotations

from mctl.artifact import Artifact
from mctl.data import DataSettings
from mctl.recipe import Recipe

DEFAULT_MAX_LENGTH = 128


def resolved(recipe: Recipe, parent: Artifact | None = None) -> Recipe:
    """The recipe with nothing left open: what manifests record.

    Args:
        parent: the teacher, whose data and length of texts hold where the recipe names none.
    """
    length, data = recipe.model.max_length, recipe.data
    if parent is not None:
        length = length or int(parent.manifest.facts["max_length"])
        if data.source is None:
            data = DataSettings.model_validate(parent.manifest.recipe["data"])
    model = recipe.model.model_copy(update={"max_length": length or DEFAULT_MAX_LENGTH})
    return recipe.model_copy(update={"model": model, "data": data})


def max_length(recipe: Recipe) -> int:
    """Tokens that texts are cut to, of a resolved recipe."""
    assert recipe.model.max_length is not None, "the recipe is not resolved"
    return recipe.model.max_length
