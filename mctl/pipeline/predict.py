"""Labels for texts, from any artifact."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from scipy.special import softmax

from mctl.artifact import Artifact, load_artifact, newest_artifact
from mctl.errors import UserError
from mctl.pipeline.loading import class_order, load_classifier, load_config, load_tokenizer
from mctl.pipeline.scoring import Runner, encode, input_names
from mctl.pipeline.sessions import Provider, check_provider, onnx_runner, use_threads
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


class TextClassifier:
    """An artifact as a callable from texts to labels.

    Attributes:
        artifact: what it was loaded from.
        classes: names of the classes, in the order of the logits.
    """

    def __init__(self, artifact: Artifact, provider: Provider = "cpu", threads: int | None = None) -> None:
        settings = ModelSettings(name=str(artifact.folder))
        self.artifact = artifact
        self._tokenizer = load_tokenizer(settings)
        self._longest = int(artifact.manifest.facts["max_length"])
        self._runner: Runner
        self._inputs: Sequence[str]
        if artifact.manifest.kind == "export":
            self._runner = onnx_runner(artifact.folder, provider, threads)
            self._inputs = artifact.manifest.facts["inputs"]
            self.classes = class_order(load_config(settings))
        else:
            from mctl.exporters.torch_runner import TorchClassifier

            check_provider(provider)
            use_threads(threads)
            model = load_classifier(settings).eval().to(provider)
            self._inputs = input_names(self._tokenizer, model)
            self._runner = TorchClassifier(model, self._inputs)
            self.classes = class_order(model.config)

    def logits(self, texts: Sequence[str]) -> np.ndarray:
        """Logits (texts, classes), float32, of one call; texts beyond the artifact's length are cut."""
        return np.asarray(self._runner(encode(self._tokenizer, texts, self._inputs, self._longest)))

    def __call__(self, texts: Iterable[str], batch_size: int = 32) -> Iterator[Prediction]:
        """Label texts, a batch at a time, in their order."""
        source = iter(texts)
        while batch := list(islice(source, batch_size)):
            for text, row in zip(batch, softmax(self.logits(batch).astype(np.float64), axis=1), strict=True):
                best = int(row.argmax())
                yield Prediction(text, self.classes[best], float(row[best]))


def load(folder: str | Path, *, provider: Provider = "cpu", threads: int | None = None) -> TextClassifier:
    """An artifact of any kind, ready to label texts.

    Args:
        folder: as `mctl export`, `mctl compress` or `mctl finetune` wrote it.
        provider: "cpu" or "cuda"; what is asked for is used, or there is an error. On a GPU an export runs on bound
            buffers with CUDA graphs.
        threads: for one call on a CPU; by default the runtime decides.

    Raises:
        UserError: no artifact, one that cannot be loaded, or a provider that is not there.
    """
    return TextClassifier(load_artifact(Path(folder).expanduser()), provider, threads)
