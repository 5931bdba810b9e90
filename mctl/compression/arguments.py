"""From mctl's settings to those of `transformers.Trainer`."""

from __future__ import annotations

import os
from typing import Any

import torch
from transformers import TrainingArguments

from mctl.compression.mixed_precision import check_precision
from mctl.compression.phase import Phase
from mctl.processes import count
from mctl.recipe import TrainingSettings


def training_arguments(settings: TrainingSettings, phase: Phase, rows: int) -> TrainingArguments:
    """The arguments of one phase.

    Args:
        rows: texts in the training split.

    Raises:
        UserError: the device cannot train in the precision that was asked for.
    """
    check_precision(settings.mixed_precision)
    texts_per_step = settings.batch_size * settings.gradient_accumulation * count()
    steps = phase.epochs * -(-rows // texts_per_step)
    # Said in so many words: transformers 4 takes the last training's precision from here where this one asks for none,
    # and a launcher writes its own default here, while the recipe is what the manifest records.
    os.environ["ACCELERATE_MIXED_PRECISION"] = settings.mixed_precision
    arguments = TrainingArguments(
        # Absolute, because checkpoints remember where the best one is.
        output_dir=str(phase.folder.resolve()),
        num_train_epochs=phase.epochs,
        per_device_train_batch_size=settings.batch_size,
        per_device_eval_batch_size=settings.batch_size * 2,
        gradient_accumulation_steps=settings.gradient_accumulation,
        # Every parameter that learns takes part in every step, and no buffer changes.
        ddp_find_unused_parameters=False,
        ddp_broadcast_buffers=False,
        # Said, because transformers takes bf16 for a GPU's alone otherwise.
        use_cpu=not torch.accelerator.is_available(),
        bf16=settings.mixed_precision == "bf16",
        fp16=settings.mixed_precision == "fp16",
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
        logging_first_step=True,
        report_to="none",
        disable_tqdm=True,
        seed=settings.seed,
        data_seed=settings.seed,
        # Our collator knows what the model takes; the Trainer would drop the numbers of the texts.
        remove_unused_columns=False,
    )
    # One device a process: with several, the Trainer would wrap the model in DataParallel, whose replicas share no
    # scores, and multiply the batch size without a word. Several devices are `accelerate launch`'s.
    if arguments.n_gpu > 1:
        arguments._n_gpu = 1
    return arguments


def prepare_memory(model: Any, settings: TrainingSettings) -> None:
    """Trade time for memory where the user wants that: activations are computed again in the backward pass."""
    if settings.gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
