"""What all steps of one compression work with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mctl.pipeline.dataset import StageData
from mctl.progress import Progress
from mctl.recipe import ModelSettings, Recipe

if TYPE_CHECKING:
    from mctl.pipeline.tutor import Tutor


@dataclass(frozen=True)
class Shop:
    """What all steps of one compression work with.

    Attributes:
        recipe: resolved.
        teacher: where the teacher is.
        data: cleaned splits.
        work: folder for what an interrupted run goes on from.
        tutor: who the student learns from; None: from the teacher, if from anyone.
    """

    recipe: Recipe
    teacher: ModelSettings
    data: StageData
    work: Path
    progress: Progress
    tutor: Tutor | None = None
