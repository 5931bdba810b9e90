"""All that is measured for a verdict: logits of every participant, latency side by side, energy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mctl.pipeline.contestants import Contestant, contestants, logits_by_role, text_batches
from mctl.pipeline.dataset import StageData
from mctl.pipeline.energy import energies
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

    found = contestants(lineage, settings)
    test = data.splits["test"]
    logits = {role: logits_by_role(role, contestant, test.texts, progress) for role, contestant in found.items()}
    latency, speedup = _latency(found, test.texts, settings, min_speedup, progress)
    # An export of the teacher has its source for a baseline: one model, run once, with figures in both roles.
    logits.setdefault("source", logits["baseline"])
    latency.setdefault("source", latency["baseline"])
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
        emissions=_emissions(found, test.texts, settings, progress) if settings.emissions else {},
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
    found: Mapping[str, Contestant], texts: Sequence[str], settings: MeasureSettings, progress: Progress
) -> dict[str, EmissionsResult]:
    """Energy of baseline and export: in turn, since a meter cannot tell them apart."""
    batches = text_batches(len(texts), settings)
    progress.start("energy", 1)
    charged = energies({role: found[role].ready(batches, texts) for role in ("baseline", "export")}, batches, settings)
    progress.finish()
    return charged
