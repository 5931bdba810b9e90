"""`transformers.Trainer` with masks, a teacher, and an order of batches that survives a restart."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F
from transformers import (
    DataCollatorWithPadding,
    PrinterCallback,
    ProgressCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    set_seed,
)

from mctl.compression.budget import Budget
from mctl.compression.distillation import distillation_loss
from mctl.compression.movement import Masks
from mctl.compression.schedule import CubicSchedule
from mctl.compression.texts import LengthGroupedBatches
from mctl.progress import Progress, Silent
from mctl.recipe import TrainingSettings

_COMPLETE = "complete"


@dataclass(frozen=True)
class Teacher:
    """What a student learns from.

    Attributes:
        model: a classifier with the student's classes in the student's order.
        temperature: softens both distributions.
        weight: share of the teacher's term in the loss, 0..1.
    """

    model: nn.Module
    temperature: float
    weight: float


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
    """

    title: str
    folder: Path
    epochs: int
    decay: bool = True
    keep_best: bool = False
    patience: int | None = None


@dataclass(frozen=True)
class Pruning:
    """Masks on the model, and how their level grows."""

    masks: Masks
    final: float
    score_learning_rate: float
    warmup: float = 0.05
    hold: float = 0.1

    def schedule(self, steps: int) -> CubicSchedule:
        """The ramp over a phase of `steps`: masks start after the warm-up and hold their final level at the end."""
        warmup = round(self.warmup * steps)
        return CubicSchedule(self.final, warmup, max(steps - warmup - round(self.hold * steps), 1))


class _Masking(TrainerCallback):  # type: ignore[misc]
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
        groups = self.pruning.masks.groups
        self.pruning.masks.set_thresholds(self.budget.thresholds(groups, self.schedule.level(step)))


class _Watching(TrainerCallback):  # type: ignore[misc]
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
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        (folder / _COMPLETE).touch()

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.progress.finish()


class _Patience(TrainerCallback):  # type: ignore[misc]
    """Stops when dev accuracy has not risen for some epochs.

    Counted from the log, which a checkpoint holds, so that a run that resumes stops where it would have stopped
    without: transformers' own callback starts to count anew.
    """

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if epochs_without_progress(state.log_history) >= self.epochs:
            control.should_training_stop = True


def epochs_without_progress(log: Sequence[Mapping[str, Any]]) -> int:
    """Evaluations since the one with the best dev accuracy; the first of equals counts as the best."""
    scores = [entry["eval_accuracy"] for entry in log if "eval_accuracy" in entry]
    return len(scores) - 1 - scores.index(max(scores)) if scores else 0


class ClassifierTrainer(Trainer):  # type: ignore[misc]
    """Trains a classifier on labels, on a teacher's logits, or both; with masks or without."""

    def __init__(
        self,
        *,
        teacher: Teacher | None = None,
        score_parameters: list[nn.Parameter],
        score_learning_rate: float,
        **kwargs: Any,
    ) -> None:
        self.teacher = teacher
        self.score_parameters = score_parameters
        self.score_learning_rate = score_learning_rate
        super().__init__(**kwargs)
        # Our loss is a mean over the batch, so the Trainer has to divide by the accumulation steps.
        self.model_accepts_loss_kwargs = False
        if teacher is not None:
            teacher.model.to(self.args.device).eval().requires_grad_(False)

    def compute_loss(
        self, model: nn.Module, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        labels = inputs["labels"]
        features = {name: value for name, value in inputs.items() if name != "labels"}
        outputs = model(**features)
        if self.teacher is None or not model.training:
            loss = F.cross_entropy(outputs.logits.float(), labels)
        else:
            with torch.no_grad():
                teacher_logits = self.teacher.model(**features).logits
            loss = distillation_loss(
                outputs.logits,
                teacher_logits,
                labels,
                temperature=self.teacher.temperature,
                weight=self.teacher.weight,
            )
        return (loss, outputs) if return_outputs else loss

    def create_optimizer(self, model: Any = None) -> Any:
        """AdamW with weight decay on matrices alone, and a learning rate of their own for scores."""
        scores = {id(parameter) for parameter in self.score_parameters}
        trained = [p for p in self.model.parameters() if p.requires_grad and id(p) not in scores]
        rate = self.args.learning_rate
        groups = [
            {"params": [p for p in trained if p.ndim > 1], "weight_decay": self.args.weight_decay, "lr": rate},
            {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0, "lr": rate},
            {"params": self.score_parameters, "weight_decay": 0.0, "lr": self.score_learning_rate},
        ]
        self.optimizer = torch.optim.AdamW([group for group in groups if group["params"]], lr=rate)
        return self.optimizer

    def _get_train_sampler(self, train_dataset: Any = None) -> LengthGroupedBatches:
        rows = self.train_dataset if train_dataset is None else train_dataset
        lengths = [len(ids) for ids in rows["input_ids"]]
        return LengthGroupedBatches(lengths, self.args.train_batch_size, self.args.seed)


def train(
    model: nn.Module,
    tokenizer: Any,
    splits: Mapping[str, Any],
    settings: TrainingSettings,
    phase: Phase,
    *,
    teacher: Teacher | None = None,
    pruning: Pruning | None = None,
    progress: Progress | None = None,
) -> nn.Module:
    """Train a classifier for one phase; a phase that was cut short goes on from its last complete checkpoint.

    Args:
        model: the classifier, changed in place.
        tokenizer: for padding.
        splits: "train" and "dev" as `tokenized` gives them.
        settings: batch size, learning rate, seed and so on.
        teacher: to distil from.
        pruning: masks on `model` whose level grows over this phase.

    Returns:
        `model`, on the device where it was trained.
    """
    set_seed(settings.seed)
    trainer = ClassifierTrainer(
        model=model,
        args=_arguments(settings, phase, len(splits["train"])),
        train_dataset=splits["train"],
        eval_dataset=splits["dev"],
        data_collator=DataCollatorWithPadding(tokenizer),
        processing_class=tokenizer,
        compute_metrics=_accuracy,
        callbacks=_callbacks(phase, pruning, progress or Silent()),
        teacher=teacher,
        score_parameters=pruning.masks.parameters() if pruning else [],
        score_learning_rate=pruning.score_learning_rate if pruning else settings.learning_rate,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.remove_callback(ProgressCallback)
    checkpoint = _last_complete_checkpoint(phase.folder)
    if checkpoint is not None and progress is not None:
        progress.say(f"{phase.title}: going on from {checkpoint.name}")
    if checkpoint is not None and (best := _best_if_stopped(checkpoint, phase)) is not None:
        model.load_state_dict(load_file(best / "model.safetensors"))
        return model
    trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    return model


def _best_if_stopped(checkpoint: Path, phase: Phase) -> Path | None:
    """The best checkpoint of a phase whose patience had run out when the process was killed."""
    state = json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    if phase.patience is None or epochs_without_progress(state["log_history"]) < phase.patience:
        return None
    return phase.folder / f"checkpoint-{state['best_global_step']}"


def _arguments(settings: TrainingSettings, phase: Phase, rows: int) -> TrainingArguments:
    steps = phase.epochs * -(-rows // settings.batch_size)
    arguments = TrainingArguments(
        # Absolute, because checkpoints remember where the best one is.
        output_dir=str(phase.folder.resolve()),
        num_train_epochs=phase.epochs,
        per_device_train_batch_size=settings.batch_size,
        per_device_eval_batch_size=settings.batch_size * 2,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        lr_scheduler_type="linear" if phase.decay else "constant_with_warmup",
        warmup_steps=round(settings.warmup * steps),
        eval_strategy="epoch",
        save_strategy="epoch",
        # One more than is needed: a checkpoint counts only once it is complete.
        save_total_limit=3 if phase.keep_best else 2,
        load_best_model_at_end=phase.keep_best,
        metric_for_best_model="accuracy",
        logging_steps=max(1, min(10, steps // 10)),
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
        seed=settings.seed,
        data_seed=settings.seed,
        remove_unused_columns=True,
    )
    # One device: with several, the Trainer would wrap the model in DataParallel, whose replicas share no scores, and
    # multiply the batch size without a word.
    if arguments.n_gpu > 1:
        arguments._n_gpu = 1
    return arguments


def _callbacks(phase: Phase, pruning: Pruning | None, progress: Progress) -> list[TrainerCallback]:
    callbacks: list[TrainerCallback] = [_Watching(phase.title, progress)]
    if pruning is not None:
        callbacks.insert(0, _Masking(pruning))
    if phase.patience is not None:
        callbacks.append(_Patience(phase.patience))
    return callbacks


def _accuracy(prediction: Any) -> dict[str, float]:
    logits, labels = prediction
    return {"accuracy": float((np.argmax(logits, axis=-1) == labels).mean())}


def _last_complete_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that was written to its end; a process can be killed while it writes one."""
    complete = [path.parent for path in folder.glob(f"checkpoint-*/{_COMPLETE}")]
    if not complete:
        return None
    return max(complete, key=lambda path: int(path.name.rpartition("-")[2]))
