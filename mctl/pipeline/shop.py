"""What all steps of one compression work with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mctl.pipeline.dataset import StageData
from mctl.progress import Progress
from mctl.recipe import ModelSettings, Recipe


@dataclass(frozen=True)
class Shop:
    """What all steps of one compression work with.

    Attributes:
        recipe: resolved.
        teacher: where the teacher is.
        data: cleaned splits.
        work: folder for what an interrupted run goes on from.
    """

    recipe: Recipe
    teacher: ModelSettings
    data: StageData
    work: Path
    progress: Progress
