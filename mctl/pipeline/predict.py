"""Labels for texts, from any artifact."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from mctl.artifact import Artifact, load_artifact, newest_artifact
from mctl.errors import UserError
from mctl.pipeline.loading import class_order, load_classifier, load_tokenizer
from mctl.pipeline.scoring import Runner, encode, input_names
from mctl.pipeline.sessions import onnx_runner
from mctl.progress import Progress
from mctl.recipe import ModelSettings


@dataclass(frozen=True)
class Prediction:
    """The most probable class of a text, and its softmax probability."""

    text: str
    label: str
    probability: float


def open_artifact(root: Path, folder: Path | None, progress: Progress) -> Artifact:
    """The artifact of a folder, or the newest there is: an export if there is one, since it is the fastest.

    Raises:
        UserError: there is none.
    """
    if folder is not None:
        return load_artifact(folder)
    newest = newest_artifact(root, ("export",)) or newest_artifact(root, ("compressed", "teacher"))
    if newest is None:
        raise UserError(f"there is no artifact in {root}.", todo="Run `mctl quickstart` to make one.")
    progress.say(f"using {newest.folder}, the newest there is")
    return newest


def predict(artifact: Artifact, texts: Iterable[str], batch_size: int = 32) -> Iterator[Prediction]:
    """Label texts, a batch at a time, in their order."""
    settings = ModelSettings(name=str(artifact.folder))
    tokenizer = load_tokenizer(settings)
    runner, names, classes = _runner(artifact, settings, tokenizer)
    length = int(artifact.manifest.facts["max_length"])
    source = iter(texts)
    while batch := list(islice(source, batch_size)):
        logits = runner(encode(tokenizer, batch, names, length)).astype(np.float64)
        odds = np.exp(logits - logits.max(1, keepdims=True))
        probabilities = odds / odds.sum(1, keepdims=True)
        for text, row in zip(batch, probabilities, strict=True):
            best = int(row.argmax())
            yield Prediction(text, classes[best], float(row[best]))


def _runner(
    artifact: Artifact, settings: ModelSettings, tokenizer: Any
) -> tuple[Runner, Sequence[str], tuple[str, ...]]:
    from mctl.exporters.torch_runner import TorchClassifier

    if artifact.manifest.kind == "export":
        from mctl.pipeline.loading import load_config

        names: Sequence[str] = artifact.manifest.facts["inputs"]
        return onnx_runner(artifact.folder), names, class_order(load_config(settings))
    model = load_classifier(settings).eval()
    names = input_names(tokenizer, model)
    return TorchClassifier(model, names), names, class_order(model.config)
