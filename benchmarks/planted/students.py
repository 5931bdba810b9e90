"""Students that are worse in a way that only measuring can tell: their exports are as faithful as any."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file, save_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from mctl.data import load
from mctl.recipe import load_recipe

from .fault import SOURCE, VALIDATE, Fault, reseal
from .running import succeed

_JUDGED = ("validate", f"{SOURCE}-fp32", *VALIDATE[2:], "--max-accuracy-drop", "1")
_OPEN = (1, 3)


def faults() -> Iterator[Fault]:
    """A class that is never said, weights with noise, and a bias that costs two points of accuracy."""
    broken = _harmed(lambda copy, tensors: _lower(tensors, 2, 100.0))
    yield Fault("student with one broken class", broken, _JUDGED, ("class_f1_drop", "accuracy_drop"), _OPEN)
    yield Fault("student with noise in its weights", _harmed(_noise), _JUDGED, ("accuracy_drop",), _OPEN)
    yield Fault("student that lost 2 points of accuracy", _harmed(_two_points), _JUDGED, ("accuracy_drop",), _OPEN)


def _harmed(change: Callable[[Path, dict[str, np.ndarray]], None]) -> Callable[[Path], None]:
    def plant(copy: Path) -> None:
        path = copy / SOURCE / "model.safetensors"
        tensors = load_file(path)
        change(copy, tensors)
        save_file(tensors, path, metadata={"format": "pt"})
        reseal(copy / SOURCE)
        succeed(copy, "export", SOURCE, "--fp32", "--quiet")

    return plant


def _lower(tensors: dict[str, np.ndarray], label: int, logits: float) -> None:
    bias = next(values for name, values in tensors.items() if name.endswith("classifier.bias"))
    bias[label] -= logits


def _noise(copy: Path, tensors: dict[str, np.ndarray]) -> None:
    random = np.random.default_rng(0)
    for name, values in tensors.items():
        if values.ndim == 2 and "embeddings" not in name:
            tensors[name] = values + (2.0 * values.std() * random.normal(size=values.shape)).astype(values.dtype)


def _two_points(copy: Path, tensors: dict[str, np.ndarray]) -> None:
    """The first class is lowered as little as costs 2 points on the test split."""
    settings = load_recipe(copy / "mctl.toml").data
    rows = list(load(settings.model_copy(update={"source": str(copy / settings.source)})).splits["test"])
    model = AutoModelForSequenceClassification.from_pretrained(copy / SOURCE).eval()
    inputs = AutoTokenizer.from_pretrained(copy / SOURCE)(
        [text for text, _ in rows], truncation=True, max_length=32, padding=True, return_tensors="pt"
    )
    with torch.inference_mode():
        logits = model(**inputs).logits.numpy()
    labels = np.array([model.config.label2id[label] for _, label in rows])
    lowered, right = logits.copy(), (logits.argmax(axis=1) == labels).mean()
    step = 0.01
    while right - (lowered.argmax(axis=1) == labels).mean() < 0.02:
        lowered[:, 0] -= step
    _lower(tensors, 0, float(logits[0, 0] - lowered[0, 0]))
