"""Tiny classifiers with random weights, as people bring them: folders without a manifest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from encoders import tiny_encoder
from models import small_model
from transformers import AutoTokenizer


def tiny_classifier(
    folder: Path, texts: Sequence[str], names: Sequence[str], family: str = "bert", seed: int = 0, **options: Any
) -> Any:
    """Write a classifier and a tokenizer for `texts`; the same texts give a family the same tokenizer.

    Args:
        names: of the classes, by number.
        options: sizes, as `models.small_config` takes them.

    Returns:
        The model.
    """
    tiny_encoder(folder, family, texts)
    named = {"num_labels": len(names), "id2label": dict(enumerate(names))}
    named["label2id"] = {name: number for number, name in enumerate(names)}
    pieces = len(AutoTokenizer.from_pretrained(folder))
    model = small_model(family, seed=seed, vocab_size=pieces, **named, **options)
    model.save_pretrained(folder)
    return model
