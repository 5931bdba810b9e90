"""All that is measured for a verdict: logits of every participant, latency side by side, energy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mctl.pipeline.dataset import StageData
from mctl.pipeline.energy import energy_of
from mctl.pipeline.lineage import Lineage
from mctl.pipeline.loading import load_tokenizer
from mctl.pipeline.scoring import Batch, Runner, encode, logits_of, token_lengths
from mctl.pipeline.sessions import check_provider, onnx_runner, scoring_runner, torch_runner, use_threads
from mctl.progress import Progress
from mctl.recipe import MeasureSettings, ModelSettings

if TYPE_CHECKING:
    from mctl.validators.accuracy import PairedAccuracy
    from mctl.validators.emissions import EmissionsResult
    from mctl.validators.latency import LatencyResult
    from mctl.validators.parity import ParityResult
    from mctl.validators.slices import Slice
    from mctl.validators.statistics import Ratio


@dataclass(frozen=True)
class Measured:
    """Results of the validators, by role where there is one per participant.

    Attributes:
        texts: the test split.
        logits: (texts, classes) float32.
        slices: by class and by length.
    """

    class_names: Sequence[str]
    texts: Sequence[str]
    labels: np.ndarray
    logits: dict[str, np.ndarray]
    parity: ParityResult
    accuracy: PairedAccuracy
    slices: list[Slice]
    latency: dict[str, LatencyResult]
    speedup: Ratio
    emissions: dict[str, EmissionsResult]
    settings: MeasureSettings


def measure(lineage: Lineage, data: StageData, settings: MeasureSettings, progress: Progress) -> Measured:
    """Run export, source and baseline on the test split.

    Latency is measured on batches of the same texts, one participant after the other within each batch, so that a
    noisy machine hits all of them.
    """
    from mctl.validators.accuracy import compare
    from mctl.validators.latency import speedup
    from mctl.validators.parity import compare_logits
    from mctl.validators.slices import class_slices, length_slices

    facts = lineage.export.manifest.facts
    names: Sequence[str] = facts["inputs"]
    length = int(facts["max_length"])
    tokenizer = load_tokenizer(ModelSettings(name=str(lineage.export.folder)))
    runners = _runners(lineage, names, settings)
    test = data.splits["test"]
    logits: dict[str, np.ndarray] = {}
    judged = scoring_runner(lineage.export, runners["export"], settings.provider, settings.threads)
    for role, runner in {**runners, "export": judged}.items():
        progress.start(f"logits of {role}", len(test.texts))
        logits[role] = logits_of(runner, tokenizer, test.texts, names, length, 32, progress.advance)
        progress.finish()
    batches = _batches(tokenizer, test.texts, names, length, settings)
    latency = _latency(runners, batches, settings, progress)
    # An export of the teacher has its source for a baseline: one model, run once, with figures in both roles.
    logits.setdefault("source", logits["baseline"])
    latency.setdefault("source", latency["baseline"])
    labels, pair = np.asarray(test.labels), (logits["baseline"], logits["export"])
    lengths = token_lengths(tokenizer, test.texts, length)
    return Measured(
        class_names=data.class_names,
        texts=test.texts,
        labels=labels,
        logits=logits,
        parity=compare_logits(logits["source"], logits["export"]),
        accuracy=compare(labels, *pair),
        slices=[*class_slices(labels, *pair, data.class_names), *length_slices(labels, *pair, lengths)],
        latency=latency,
        speedup=speedup(latency["baseline"], latency["export"]),
        emissions=_emissions(runners, batches, settings, progress) if settings.emissions else {},
        settings=settings,
    )


def _runners(lineage: Lineage, names: Sequence[str], settings: MeasureSettings) -> dict[str, Runner]:
    threads = use_threads(settings.threads)
    check_provider(settings.provider)
    runners: dict[str, Runner] = {"baseline": torch_runner(lineage.baseline.folder, names, settings.provider)}
    if lineage.source.folder != lineage.baseline.folder:
        runners["source"] = torch_runner(lineage.source.folder, names, settings.provider)
    runners["export"] = onnx_runner(lineage.export.folder, settings.provider, threads)
    return runners


def _batches(
    tokenizer: Any, texts: Sequence[str], names: Sequence[str], length: int, settings: MeasureSettings
) -> list[Batch]:
    """Batches as a server would see them: texts as they come, padded to the longest of the batch."""
    size = settings.batch_size
    starts = range(0, len(texts), size)[: settings.batches]
    return [encode(tokenizer, texts[start : start + size], names, length) for start in starts]


def _latency(
    runners: dict[str, Runner], batches: list[Batch], settings: MeasureSettings, progress: Progress
) -> dict[str, LatencyResult]:
    from mctl.validators.latency import measure as time_runners

    progress.start("latency", (settings.repeats + settings.warmup) * len(batches))
    timed = time_runners(
        runners,
        batches,
        warmup=settings.warmup,
        repeats=settings.repeats,
        on_progress=lambda done, total: progress.advance(done),
    )
    progress.finish()
    return dict(timed)


def _emissions(
    runners: dict[str, Runner], batches: list[Batch], settings: MeasureSettings, progress: Progress
) -> dict[str, EmissionsResult]:
    """Energy of the export and of the baseline: one after the other, since a meter cannot tell them apart."""
    found = {}
    for role in ("baseline", "export"):
        progress.start(f"energy of {role}", 1)
        found[role] = energy_of(runners[role], batches, settings.country, settings.energy_seconds, section="measure")
        progress.finish()
    return found
