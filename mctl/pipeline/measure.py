"""All that is measured for a verdict: logits of every participant, latency side by side, energy."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mctl.artifact import Artifact
from mctl.pipeline.contestants import Contestant, contestants, exported, logits_by_role, text_batches
from mctl.pipeline.dataset import StageData
from mctl.pipeline.energy import energies, prepared
from mctl.pipeline.lineage import Lineage
from mctl.pipeline.speed import RELEASE, Enough, Speed, time_all
from mctl.progress import Progress
from mctl.recipe import MeasureSettings

if TYPE_CHECKING:
    from mctl.validators.accuracy import PairedAccuracy
    from mctl.validators.emissions import EmissionsResult
    from mctl.validators.latency import LatencyResult
    from mctl.validators.majority import AgainstMajority
    from mctl.validators.parity import ParityResult
    from mctl.validators.slices import Slice


@dataclass(frozen=True)
class Measured:
    """Results of the validators, by role where there is one per participant.

    Attributes:
        texts: the test split.
        logits: (texts, classes) float32.
        slices: by class and by length.
        majority: the baseline against always the most frequent class.
    """

    class_names: Sequence[str]
    texts: Sequence[str]
    labels: np.ndarray
    logits: dict[str, np.ndarray]
    parity: ParityResult
    accuracy: PairedAccuracy
    slices: list[Slice]
    majority: AgainstMajority
    speed: Speed
    emissions: dict[str, EmissionsResult]


def measure(
    lineage: Lineage,
    data: StageData,
    settings: MeasureSettings,
    enough: Enough,
    progress: Progress,
    released: Artifact | None = None,
) -> Measured:
    """Run export, source and baseline on the test split.

    Latency is measured on batches of the same texts, one participant after the other within each batch, so that a
    noisy machine hits all of them.

    Args:
        enough: whether the latencies so far decide what is asked of them: they are measured until then, or in vain.
        released: the export of the last release, timed beside the others and not asked anything else.
    """
    from mctl.validators.accuracy import compare
    from mctl.validators.majority import against_majority
    from mctl.validators.parity import compare_logits
    from mctl.validators.slices import class_slices, length_slices

    started, meters_are_ready = time.perf_counter(), prepared(settings)
    found = contestants(lineage, settings)
    test = data.splits["test"]
    logits = {role: logits_by_role(role, contestant, test.texts, progress) for role, contestant in found.items()}
    meters_are_ready()
    beside = {} if released is None else {RELEASE: exported(released, settings)}
    speed = time_all(found | beside, test.texts, settings, enough, progress)
    emissions = _emissions(found, test.texts, settings, speed.latency, started, progress) if settings.emissions else {}
    # An export of the teacher has its source for a baseline: one model, run once, with figures in both roles.
    figures: tuple[dict[str, Any], ...] = (logits, speed.latency, emissions)
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
        majority=against_majority(labels, logits["baseline"], data.class_names),
        speed=speed,
        emissions=emissions,
    )


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
