"""Logits of a PyTorch classifier over many texts, and the figures that follow from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from mctl.errors import UserError

Batch = Mapping[str, np.ndarray]
Runner = Callable[[Batch], np.ndarray]


def encode(tokenizer: Any, texts: Sequence[str], input_names: Sequence[str], max_length: int) -> dict[str, np.ndarray]:
    """One padded batch: (texts, longest) int64 by input name.

    Raises:
        UserError: the tokenizer does not make one of the inputs.
    """
    encoded = tokenizer(list(texts), truncation=True, max_length=max_length, padding=True, return_tensors="np")
    missing = [name for name in input_names if name not in encoded]
    if missing:
        raise UserError(
            f"the tokenizer gives no {', '.join(missing)}, which the model takes.",
            where=str(tokenizer.name_or_path),
            todo="Put the model's own tokenizer beside it.",
        )
    return {name: encoded[name].astype(np.int64) for name in input_names}


def input_names(tokenizer: Any, model: Any) -> tuple[str, ...]:
    """The tokenizer's outputs that the model's forward takes, in the tokenizer's order."""
    import inspect

    accepted = inspect.signature(model.forward).parameters
    return tuple(name for name in tokenizer.model_input_names if name in accepted)


def logits_of(
    runner: Runner,
    tokenizer: Any,
    texts: Sequence[str],
    names: Sequence[str],
    max_length: int,
    batch_size: int,
    on_batch: Callable[[int], None] = lambda done: None,
) -> np.ndarray:
    """Logits of all texts, (texts, classes) float32, in the order of `texts`.

    Texts run in batches of similar length: on a CPU padding costs as much as text.
    """
    order = np.argsort(np.fromiter(map(len, texts), np.int32, len(texts)), kind="stable")
    logits = np.empty((0, 0), np.float32)
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        batch = np.asarray(runner(encode(tokenizer, [texts[row] for row in rows.tolist()], names, max_length)))
        if not start:
            logits = np.empty((len(texts), batch.shape[1]), np.float32)
        logits[rows] = batch
        on_batch(start + len(rows))
    return logits


def token_lengths(tokenizer: Any, texts: Sequence[str], max_length: int) -> list[int]:
    """Tokens of every text as the model sees it, special ones included."""
    return [len(ids) for ids in tokenizer(list(texts), truncation=True, max_length=max_length)["input_ids"]]


def metrics(labels: Sequence[int] | np.ndarray, logits: np.ndarray) -> dict[str, float]:
    """Accuracy and macro-F1 (0..1) over the classes that occur."""
    from sklearn.metrics import accuracy_score, f1_score

    predicted = logits.argmax(1)
    return {
        "accuracy": float(accuracy_score(labels, predicted)),
        "macro_f1": float(f1_score(labels, predicted, average="macro", zero_division=0)),
        "texts": len(labels),
    }
