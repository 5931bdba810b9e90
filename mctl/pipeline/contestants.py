"""The models of a verdict, each with its own tokenizer: a trimmed vocabulary numbers its tokens anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from mctl.artifact import Artifact
from mctl.pipeline.lineage import Lineage
from mctl.pipeline.loading import load_tokenizer
from mctl.pipeline.runtime_version import check_runtime
from mctl.pipeline.scoring import Batch, Runner, encode, logits_of, token_lengths
from mctl.pipeline.sessions import onnx_runner, scoring_runner, torch_runner, use_threads
from mctl.progress import Progress
from mctl.recipe import MeasureSettings, ModelSettings

_TEXTS_A_CALL = 32


class CannotRunError(Exception):
    """A model of a verdict does not run on the test texts.

    Args:
        role: whose model.
        reason: in one sentence.
    """

    def __init__(self, role: str, reason: object) -> None:
        self.role, self.reason = role, " ".join(str(reason).split())
        super().__init__(role, self.reason)


def logits_by_role(role: str, contestant: Contestant, texts: Sequence[str], progress: Progress) -> np.ndarray:
    """Logits of all texts, (texts, classes) float32.

    Raises:
        CannotRunError: such as for a token id that the model has no embedding of.
    """
    from mctl.exporters.errors import ExportError

    progress.start(f"logits of {role}", len(texts))
    try:
        return contestant.logits(texts, progress.advance)
    except (ExportError, IndexError, RuntimeError) as error:
        if "OutOfMemory" in type(error).__name__:
            raise  # The machine's fault, which has an error of its own.
        raise CannotRunError(role, error) from error
    finally:
        progress.finish()


@dataclass(frozen=True)
class Contestant:
    """A model and what turns texts into its input.

    Attributes:
        runner: whose energy counts.
        judged: whose logits count; the same but for fp16 on a CPU, see `sessions.scoring_runner`.
        opened: makes another like `runner`, from its files; whose time counts.
        names: of its inputs.
    """

    runner: Runner
    judged: Runner
    opened: Callable[[], Runner]
    tokenizer: Any
    names: Sequence[str]
    max_length: int

    def logits(self, texts: Sequence[str], on_batch: Callable[[int], None]) -> np.ndarray:
        """Of all texts, (texts, classes) float32."""
        return logits_of(self.judged, self.tokenizer, texts, self.names, self.max_length, _TEXTS_A_CALL, on_batch)

    def encoded(self, texts: Sequence[str]) -> Batch:
        """One padded batch."""
        return encode(self.tokenizer, texts, self.names, self.max_length)

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Tokens of every text."""
        return token_lengths(self.tokenizer, texts, self.max_length)

    def tokens(self, batches: Sequence[Batch], texts: Sequence[str]) -> dict[int, Batch]:
        """Of `batches` of text numbers, by their first: made before the clock runs, their time is not the model's."""
        return {int(batch["texts"][0]): self.encoded([texts[row] for row in batch["texts"]]) for batch in batches}

    def on(self, tokens: Mapping[int, Batch], runner: Runner) -> Runner:
        """A runner of batches of text numbers."""
        return lambda batch: runner(tokens[int(batch["texts"][0])])

    def ready(self, batches: Sequence[Batch], texts: Sequence[str]) -> Runner:
        """A runner of `batches` of text numbers, which have become tokens before."""
        return self.on(self.tokens(batches, texts), self.runner)


def text_batches(texts: int, settings: MeasureSettings) -> list[Batch]:
    """Numbers of the texts of each timed call: texts as they come, as a server would see them."""
    starts = range(0, texts, settings.batch_size)[: settings.batches]
    return [{"texts": np.arange(start, min(start + settings.batch_size, texts))} for start in starts]


def contestants(lineage: Lineage, settings: MeasureSettings) -> dict[str, Contestant]:
    """By role; without compression the source is the baseline, and is left out.

    Raises:
        UserError: a model that cannot be loaded or run where it should.
    """
    use_threads(settings.threads)
    members = {"baseline": lineage.baseline, "source": lineage.source}
    if lineage.source.folder == lineage.baseline.folder:
        del members["source"]
    found = {}
    for role, artifact in members.items():
        tokenizer = load_tokenizer(ModelSettings(name=str(artifact.folder)))
        names = tuple(tokenizer.model_input_names)
        opened = partial(torch_runner, artifact.folder, names, settings.provider)
        runner = opened()
        found[role] = Contestant(runner, runner, opened, tokenizer, names, _length(artifact))
    found["export"] = exported(lineage.export, settings)
    return found


def exported(export: Artifact, settings: MeasureSettings) -> Contestant:
    """An ONNX artifact, which may be of another lineage.

    Raises:
        UserError: it cannot be loaded or run where it should.
    """
    check_runtime(export)
    threads = use_threads(settings.threads)
    tokenizer = load_tokenizer(ModelSettings(name=str(export.folder)))
    opened = partial(onnx_runner, export.folder, settings.provider, threads)
    timed = opened()
    judged = scoring_runner(export, timed, settings.provider, threads)
    return Contestant(timed, judged, opened, tokenizer, export.manifest.facts["inputs"], _length(export))


def _length(artifact: Artifact) -> int:
    return int(artifact.manifest.facts["max_length"])
