"""What happens around a step: masks grow, progress is told, a run that has failed stops."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from mctl.compression.checkpoints import epochs_without_progress, last_complete, mark_complete
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
    """Sets the masks before every step from the scores and the schedule."""

    def __init__(self, pruning: Pruning) -> None:
        self.pruning = pruning

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.schedule = self.pruning.schedule(state.max_steps)
        self._apply(state.global_step)

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._apply(state.global_step)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._apply(state.max_steps)

    def _apply(self, step: int) -> None:
        if self.pruning.rescore is not None:
            self.pruning.rescore()
        masks = self.pruning.masks
        masks.set(self.pruning.budget.kept(masks.groups, self.schedule.level(step)))


class Finite(TrainerCallback):  # type: ignore[misc]
    """Stops when the loss is no number any more, before a checkpoint of such weights is written.

    The loss is looked at when the trainer logs it, which waits for the device anyway, and always before a checkpoint;
    the last step of an epoch shows in the loss on the dev split.
    """

    def __init__(self, phase: Phase) -> None:
        self.phase = phase

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        control.should_log = True
        return control

    def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, float] | None = None, **_: Any) -> None:
        self._check(args, state, (logs or {}).get("loss", 0.0), "the loss", learnt=state.global_step > 1)

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Mapping[str, float], **_: Any) -> None:
        self._check(args, state, metrics.get("eval_loss", 0.0), "the loss on the dev split", learnt=True)

    def _check(self, args: Any, state: Any, loss: float, what: str, learnt: bool) -> None:
        """Refuse a loss; `learnt`: whether a step had changed the weights that it comes from."""
        if not math.isfinite(loss):
            when = f"at step {state.global_step} of {state.max_steps} ({self.phase.title})"
            raise UserError(f"{what} is {loss} {when}.", where="training", todo=self._advice(args, learnt))

    def _advice(self, args: Any, learnt: bool) -> str:
        if not learnt:
            parts = ["Nothing has been learnt yet, so that the model, or its teacher, has such weights: check them."]
        else:
            rate = f"--learning-rate, or learning_rate under [{self.phase.section}]"
            parts = [f"Lower the learning rate, which is {args.learning_rate:g}: {rate}."]
        if args.fp16:
            parts.append("Or train with --mixed-precision bf16 or no: fp16 overflows above 65,504.")
        if (good := last_complete(self.phase.folder)) is not None:
            parts.append(f"The last good checkpoint stays in {good}; with other settings, training begins anew.")
        return " ".join(parts)


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
