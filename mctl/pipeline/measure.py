"""All that is measured for a verdict: logits of every participant, latency side by side, energy."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mctl.pipeline.contestants import Contestant, contestants, logits_by_role, text_batches
from mctl.pipeline.dataset import StageData
from mctl.pipeline.energy import energies, prepared
from mctl.pipeline.lineage import Lineage
from mctl.progress import Progress
from mctl.recipe import MeasureSettings

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


def measure(
    lineage: Lineage, data: StageData, settings: MeasureSettings, min_speedup: float | None, progress: Progress
) -> Measured:
    """Run export, source and baseline on the test split.

    Latency is measured on batches of the same texts, one participant after the other within each batch, so that a
    noisy machine hits all of them.

    Args:
        min_speedup: what is asked of the speed-up: it is measured until that is decided, or in vain.
    """
    from mctl.validators.accuracy import compare
    from mctl.validators.parity import compare_logits
    from mctl.validators.slices import class_slices, length_slices

    started, meters_are_ready = time.perf_counter(), prepared(settings)
    found = contestants(lineage, settings)
    test = data.splits["test"]
    logits = {role: logits_by_role(role, contestant, test.texts, progress) for role, contestant in found.items()}
    meters_are_ready()
    latency, speedup = _latency(found, test.texts, settings, min_speedup, progress)
    emissions = _emissions(found, test.texts, settings, latency, started, progress) if settings.emissions else {}
    # An export of the teacher has its source for a baseline: one model, run once, with figures in both roles.
    figures: tuple[dict[str, Any], ...] = (logits, latency, emissions)
    for by_role in figures:
        if "baseline" in by_role:
            by_role.setdefault("source", by_role["baseline"])
    labels, pair = np.asarray(test.labels), (logits["baseline"], logits["export"])
    lengths = found["baseline"].lengths(test.texts)
    return Measured(
        class_names=data.class_names,
        texts=test.texts,
        labels=labels,
        logits=logits,
        parity=compare_logits(logits["source"], logits["export"]),
        accuracy=compare(labels, *pair),
        slices=[*class_slices(labels, *pair, data.class_names), *length_slices(labels, *pair, lengths)],
        latency=latency,
        speedup=speedup,
        emissions=emissions,
        settings=settings,
    )


def _latency(
    found: Mapping[str, Contestant],
    texts: Sequence[str],
    settings: MeasureSettings,
    min_speedup: float | None,
    progress: Progress,
) -> tuple[dict[str, LatencyResult], Ratio]:
    """Times of everybody, and the speed-up; where one is asked for, as many rounds as it takes to decide on it."""
    from mctl.validators.latency import measure as time_runners
    from mctl.validators.latency import measure_until, speedup

    batches = text_batches(len(texts), settings)
    runners = {role: contestant.ready(batches, texts) for role, contestant in found.items()}
    progress.start("latency", (settings.repeats + settings.warmup) * len(batches))

    def advance(done: int, total: int) -> None:
        progress.advance(done)

    def decided(timed: Mapping[str, LatencyResult], confidence: float) -> bool:
        ratio = speedup(timed["baseline"], timed["export"], confidence=confidence)
        sure = min_speedup is None or ratio.low >= min_speedup or ratio.high < min_speedup
        if not sure:
            progress.say(f"latency: {ratio.low:.2f} to {ratio.high:.2f} times as fast does not decide: more rounds")
        return sure

    warmup, repeats = settings.warmup, settings.repeats
    if min_speedup is None:
        timed, confidence = time_runners(runners, batches, warmup=warmup, repeats=repeats, on_progress=advance), 0.95
    else:
        timed, confidence = measure_until(
            decided, runners, batches, warmup=warmup, repeats=repeats, on_progress=advance
        )
    progress.finish()
    return dict(timed), speedup(timed["baseline"], timed["export"], confidence=confidence)


def _emissions(
    found: Mapping[str, Contestant],
    texts: Sequence[str],
    settings: MeasureSettings,
    latency: Mapping[str, LatencyResult],
    started: float,
    progress: Progress,
) -> dict[str, EmissionsResult]:
    """Energy of everybody: in turn, since a meter cannot tell them apart."""
    batches = text_batches(len(texts), settings)
    runners = {role: contestant.ready(batches, texts) for role, contestant in found.items()}
    slowest = max(sum(timed.samples_ms) / timed.samples for timed in latency.values()) / 1000
    progress.start("energy", 1)
    taken = time.perf_counter() - started
    charged = energies(runners, batches, settings, run_seconds=taken, call_seconds=slowest)
    progress.finish()
    return charged
