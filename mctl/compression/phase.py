"""One call of the trainer: how long, where its checkpoints are, and what it does to the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mctl.compression.budget import UnitBudget
from mctl.compression.masks import Masks
from mctl.compression.schedule import CubicSchedule


@dataclass(frozen=True)
class Phase:
    """One call of the trainer.

    Attributes:
        title: what the progress bar says.
        folder: for checkpoints; training goes on from the last complete one there.
        epochs: passes over the training split.
        decay: let the learning rate fall to zero (linear); otherwise it stays at its peak after the warm-up.
        keep_best: end with the weights of the epoch with the best dev accuracy.
        patience: epochs without a better dev accuracy before stopping; needs `keep_best`.
        section: of the recipe that its settings come from.
    """

    title: str
    folder: Path
    epochs: int
    decay: bool = True
    keep_best: bool = False
    patience: int | None = None
    section: str = "compress"


@dataclass(frozen=True)
class Pruning:
    """Masks on the model, and how their level grows.

    Attributes:
        masks: as `attach_masks` made them.
        final: the level in the end, 0..1: share of the encoder weights to mask, or whatever `budget` understands by it.
        score_learning_rate: of the scores, where they learn.
        budget: chooses the units that stay at a level.
        rescore: called before the masks are set, by methods whose scores do not learn.
        warmup, hold: shares of the steps before the ramp and after it.
    """

    masks: Masks
    final: float
    score_learning_rate: float
    budget: UnitBudget
    rescore: Callable[[], None] | None = None
    warmup: float = 0.05
    hold: float = 0.1

    def schedule(self, steps: int) -> CubicSchedule:
        """The ramp over a phase of `steps`: masks start after the warm-up and hold their final level at the end."""
        warmup = round(self.warmup * steps)
        return CubicSchedule(self.final, warmup, max(steps - warmup - round(self.hold * steps), 1))
