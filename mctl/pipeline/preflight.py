"""What is refused before torch is imported: that takes many seconds, and a slip in a path should not."""

from __future__ import annotations

from mctl.data.sources import check_source
from mctl.pipeline.model_files import is_folder, source_of
from mctl.recipe import ModelSettings, Recipe


def check_paths(recipe: Recipe, *models: str | None) -> None:
    """Refuse data and models that are not there, or not what they are taken for.

    Args:
        recipe: of the command; its data are opened, and no row is read.
        models: what the command starts from. Only folders are looked at; the hub is asked later.

    Raises:
        UserError: as the stages say it later.
    """
    for name in models:
        if name is not None and is_folder(name):
            source_of(ModelSettings(name=name))
    check_source(recipe.data)


def starts_from(recipe: Recipe) -> list[str | None]:
    """The models that a compression starts from and learns from, as the recipe names them."""
    learns_from = recipe.compress.distill_from if recipe.compress.distill else None
    return [recipe.compress.teacher or recipe.model.name, learns_from]
