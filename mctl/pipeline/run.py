"""The whole chain."""

from __future__ import annotations

from mctl.artifact import check_kind
from mctl.pipeline.compress import artifact_name, compress
from mctl.pipeline.export import export, export_place
from mctl.pipeline.validate import validate
from mctl.processes import main_goes_on
from mctl.progress import Progress
from mctl.recipe import Recipe
from mctl.report.schema import ValidationResult


def run(recipe: Recipe, progress: Progress) -> ValidationResult | None:
    """Teacher, compressed, export, verdict. A stage that is done with the same inputs and settings is not done again,
    and one that was cut short goes on from its last checkpoint.

    Returns:
        The verdict; None in a process that only helped to train.

    Raises:
        UserError: the model or the data cannot be used.
    """
    place = export_place(recipe.artifacts, artifact_name(recipe.compress), recipe.export)
    check_kind(place, "export")
    progress.say(_plan(recipe))
    compressed = compress(recipe, progress, [(place, "export")])
    if not main_goes_on():
        return None
    exported = export(recipe, progress, compressed.folder)
    return validate(recipe, progress, exported.folder)


def _plan(recipe: Recipe) -> str:
    """The stages, with their epochs: each says the time that it has left, once it has begun."""
    settings = recipe.compress
    teacher = "a teacher from elsewhere" if settings.teacher else f"fine-tune ({recipe.finetune.epochs} epochs)"
    ramp, after = settings.ramp_epochs, settings.recovery_epochs
    epochs = f"{ramp} epochs under masks, {after} after" if settings.prune else f"{ramp + after} epochs"
    stages = f"{teacher}, compress ({epochs}), export {recipe.export.precision}, validate"
    return f"stages: {stages}; what is done already is kept"
