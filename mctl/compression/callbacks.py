"""What happens around a step: masks grow, progress is told, a run that has failed stops."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from mctl.compression.budget import Budget
from mctl.compression.checkpoints import epochs_without_progress, mark_complete
from mctl.compression.phase import Phase, Pruning
from mctl.errors import UserError
from mctl.processes import is_main, wait
from mctl.progress import Progress


def callbacks(phase: Phase, pruning: Pruning | None, progress: Progress) -> list[TrainerCallback]:
    """The callbacks of a phase, in the order in which they act."""
    chosen: list[TrainerCallback] = [] if pruning is None else [Masking(pruning)]
    chosen += [Finite(phase), Watching(phase.title, progress)]
    if phase.patience is not None:
        chosen.append(Patience(phase.patience))
    return chosen


class Masking(TrainerCallback):  # type: ignore[misc]
    """Sets the thresholds before every step from the scores and the schedule."""

    def __init__(self, pruning: Pruning) -> None:
        self.pruning = pruning
        self.budget: Budget | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.budget = Budget.of(self.pruning.masks.groups)
        self.schedule = self.pruning.schedule(state.max_steps)
        self._apply(state.global_step)

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._apply(state.global_step)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._apply(state.max_steps)

    def _apply(self, step: int) -> None:
        assert self.budget is not None
        if self.pruning.rescore is not None:
            self.pruning.rescore()
        groups = self.pruning.masks.groups
        self.pruning.masks.set_thresholds(self.budget.thresholds(groups, self.schedule.level(step)))


class Finite(TrainerCallback):  # type: ignore[misc]
    """Stops when the loss is no number any more, before a checkpoint of such weights is written.

    The loss is looked at when the trainer logs it, which waits for the device anyway, and always before a checkpoint.
    """

    def __init__(self, phase: Phase) -> None:
        self.phase = phase

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        control.should_log = True
        return control

    def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, float] | None = None, **_: Any) -> None:
        if not logs or "loss" not in logs or math.isfinite(float(logs["loss"])):
            return
        precision = " Or train with --mixed-precision bf16 or no: fp16 overflows above 65,504." if args.fp16 else ""
        raise UserError(
            f"the loss is {float(logs['loss'])} at step {state.global_step} of {state.max_steps} ({self.phase.title}).",
            where="training",
            todo=f"Lower --learning-rate, which is {args.learning_rate:g}.{precision} "
            f"The last good checkpoint is kept: the same command with the same settings goes on from it.",
        )


class Watching(TrainerCallback):  # type: ignore[misc]
    """Tells a `Progress` about steps and dev scores, and marks checkpoints that are complete."""

    def __init__(self, title: str, progress: Progress) -> None:
        self.title = title
        self.progress = progress
        self.loss = ""

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.progress.start(self.title, state.max_steps, state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.progress.advance(state.global_step, self.loss)

    def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, float] | None = None, **_: Any) -> None:
        if logs and "loss" in logs:
            self.loss = f"loss {float(logs['loss']):.3f}"

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Mapping[str, float], **_: Any) -> None:
        self.progress.say(
            f"{self.title}, epoch {state.epoch:.0f}: {self.loss}, dev accuracy {100 * metrics['eval_accuracy']:.1f} %"
        )

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        wait()  # Every process has written its random state.
        if is_main():
            mark_complete(Path(args.output_dir) / f"checkpoint-{state.global_step}")

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.progress.finish()


class Patience(TrainerCallback):  # type: ignore[misc]
    """Stops when dev accuracy has not risen for some epochs.

    Counted from the log, which a checkpoint holds, so that a run that resumes stops where it would have stopped
    without: transformers' own callback starts to count anew.
    """

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if epochs_without_progress(state.log_history) >= self.epochs:
            control.should_training_stop = True
