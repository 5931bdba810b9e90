"""`transformers.Trainer` with masks, a teacher, and an order of batches that survives a restart."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn
from transformers import PrinterCallback, ProgressCallback, Trainer, set_seed

from mctl.compression.arguments import prepare_memory, training_arguments
from mctl.compression.batches import Collator, EpochLoader, NumberedRows, SharedBatches
from mctl.compression.callbacks import callbacks
from mctl.compression.checkpoints import best_if_stopped, last_complete
from mctl.compression.dropout import without_dropout
from mctl.compression.families import family_of
from mctl.compression.features import Features, watching
from mctl.compression.lessons import Lessons, lesson_of
from mctl.compression.optimizer import adamw
from mctl.compression.phase import Phase, Pruning
from mctl.compression.teacher import Distillation, Lesson, Teacher, task_loss
from mctl.compression.texts import LengthGroupedBatches, token_lengths
from mctl.processes import index
from mctl.progress import Progress, Silent
from mctl.recipe import TrainingSettings


@dataclass(frozen=True)
class Teaching:
    """Where a student's lessons come from.

    Attributes:
        distillation: what is learnt, and how much it counts.
        lessons: what the teacher says of the training texts, if that has been kept.
        teacher: asked in every step otherwise.
        dropout: whether the student has its dropout meanwhile.
    """

    distillation: Distillation
    lessons: Lessons | None = None
    teacher: Teacher | None = None
    dropout: bool = False


class ClassifierTrainer(Trainer):  # type: ignore[misc]
    """Trains a classifier on labels, on a teacher, or both; with masks or without."""

    def __init__(
        self,
        *,
        teaching: Teaching | None,
        features: Features,
        pruning: Pruning | None,
        **kwargs: Any,
    ) -> None:
        self.teaching = teaching
        self.features = features
        self.pruning = pruning
        super().__init__(**kwargs)
        self.computes_again = bool(self.model.is_gradient_checkpointing)
        # The Trainer then counts the texts of a step, and leaves it to our loss to be a mean over all of them.
        self.model_accepts_loss_kwargs = True

    def compute_loss(
        self, model: nn.Module, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The task's loss when evaluating; with a teacher, what the student loses to it when training.

        Args:
            num_items_in_batch: texts of the whole step, in all passes and processes: a batch counts by its share of
                them, and gradients of processes are averaged.
        """
        labels = inputs["labels"]
        features = {name: x for name, x in inputs.items() if name != "labels" and not name.startswith("teacher_")}
        with self._masks():
            outputs = model(**features)
        if self.teaching is None or not model.training:
            loss = task_loss(outputs.logits, labels)
        else:
            lesson = lesson_of(inputs) if "teacher_logits" in inputs else self._ask(features)
            distillation = self.teaching.distillation
            loss = distillation.loss(outputs.logits, self.features, lesson, labels, features["attention_mask"])
        if model.training and num_items_in_batch is not None:
            loss = loss * (len(labels) * self.args.world_size / num_items_in_batch)
        return (loss, outputs) if return_outputs else loss

    def _masks(self) -> AbstractContextManager[None]:
        """Around a forward pass: what masks the weights."""
        return nullcontext() if self.pruning is None or self.computes_again else self.pruning.masks.one_pass()

    def _ask(self, inputs: dict[str, torch.Tensor]) -> Lesson:
        assert self.teaching is not None and self.teaching.teacher is not None
        return self.teaching.teacher.teach(inputs)

    def create_optimizer(self, model: Any = None) -> Any:
        """AdamW, with the scores apart."""
        self.optimizer = adamw(
            self.model,
            self.pruning.masks.parameters() if self.pruning else [],
            learning_rate=self.args.learning_rate,
            score_learning_rate=self.pruning.score_learning_rate if self.pruning else self.args.learning_rate,
            weight_decay=self.args.weight_decay,
        )
        return self.optimizer

    def get_train_dataloader(self) -> EpochLoader:
        """This process's share of every step.

        Not accelerate's, which repeats texts until all processes have whole batches.
        """
        rows: Any = self.train_dataset
        texts_per_step = self.args.train_batch_size * self.args.gradient_accumulation_steps * self.args.world_size
        order = LengthGroupedBatches(token_lengths(rows.rows), texts_per_step, self.args.seed)
        batches = SharedBatches(
            order,
            self.args.train_batch_size,
            self.args.gradient_accumulation_steps,
            self.args.world_size,
            self.args.process_index,
        )
        return EpochLoader(rows, batch_sampler=batches, collate_fn=self.data_collator)


def train(
    model: nn.Module,
    tokenizer: Any,
    splits: Mapping[str, Any],
    settings: TrainingSettings,
    phase: Phase,
    *,
    teaching: Teaching | None = None,
    pruning: Pruning | None = None,
    progress: Progress | None = None,
) -> nn.Module:
    """Train a classifier for one phase; a phase that was cut short goes on from its last complete checkpoint.

    Args:
        model: the classifier, changed in place.
        tokenizer: for padding.
        splits: "train" and "dev" as `tokenized` gives them.
        settings: batch size, learning rate, seed and so on.
        teaching: to distil; None: labels alone.
        pruning: masks on `model` whose level grows over this phase.

    Returns:
        `model`, on the device where it was trained, in eval mode.

    Raises:
        UserError: the loss is not finite, or the device cannot train in the chosen precision.
    """
    progress = progress or Silent()
    set_seed(settings.seed)
    arguments = training_arguments(settings, phase, len(splits["train"]))
    checkpoint = last_complete(phase.folder)
    if checkpoint is not None:
        progress.say(f"{phase.title}: going on from {checkpoint.name}")
        if (best := best_if_stopped(checkpoint, phase.folder, phase.patience)) is not None:
            model.load_state_dict(load_file(best / "model.safetensors"))
            return model.eval()
    prepare_memory(model, settings)
    with ExitStack() as stack:
        features = Features()
        if teaching is not None and not teaching.dropout:
            stack.enter_context(without_dropout(model))
        if teaching is not None:
            if teaching.teacher is not None:
                teaching.teacher.model.to(arguments.device).eval().requires_grad_(False)
            watch = teaching.distillation.watch_student
            features = stack.enter_context(watching(model, family_of(model.config), watch))
        trainer = ClassifierTrainer(
            model=model,
            args=arguments,
            train_dataset=NumberedRows(splits["train"]),
            eval_dataset=splits["dev"],
            data_collator=Collator(tokenizer, teaching.lessons if teaching else None),
            processing_class=tokenizer,
            compute_metrics=_accuracy,
            callbacks=callbacks(phase, pruning, progress),
            teaching=teaching,
            features=features,
            pruning=pruning,
        )
        trainer.remove_callback(PrinterCallback)
        trainer.remove_callback(ProgressCallback)
        if index():
            set_seed(settings.seed + index())  # Or all processes would drop the same units.
        trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
        # accelerate wraps `forward` for mixed precision; what comes after measures the model as it is saved.
        trainer.accelerator.unwrap_model(model, keep_fp32_wrapper=False)
    return model.eval()


def _accuracy(prediction: Any) -> dict[str, float]:
    logits, labels = prediction
    return {"accuracy": float((np.argmax(logits, axis=-1) == labels).mean())}
