"""How fast models answer, measured side by side so that a noisy machine is equally noisy to all of them."""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from .errors import MeasurementError, ShapeError
from .statistics import Ratio, ratio_of_medians
from .types import Batch, Runner

Progress = Callable[[int, int], None]
"""Called with (batches done, batches in all) between timed calls, warm-up included."""

Clock = Callable[[], int]
"""Nanoseconds since whenever."""

_NS_PER_MS = 1e6
# All that a round leaves behind is in the young generations; going through the old ones, with torch loaded, takes
# longer than many a round.
_YOUNG = 1
_MS_PER_S = 1e3


@dataclass(frozen=True)
class LatencyResult:
    """Time of one runner, by the clock that it was measured with.

    Attributes:
        p50_ms, p90_ms, p95_ms, p99_ms: percentiles of the time of one call, which is one batch; p99 of fewer than
            about 100 samples is little more than the slowest.
        throughput_texts_per_s: all texts over the sum of all samples.
        samples: timed calls.
        texts: texts in all timed calls together.
        samples_ms: (samples,) every timed call, round by round and within a round batch by batch. Sample i of every
            runner of one measurement is the same batch in the same round.
        waited_share: of the time on the wall of all calls, what may have been waiting for a processor (0..1); 0 where
            that was not looked at.
    """

    p50_ms: float
    p90_ms: float
    p95_ms: float
    p99_ms: float
    throughput_texts_per_s: float
    samples: int
    texts: int
    samples_ms: tuple[float, ...]
    waited_share: float = 0.0


def measure(
    runners: Mapping[str, Runner],
    batches: Sequence[Batch],
    *,
    warmup: int,
    repeats: int,
    seed: int = 0,
    clock_ns: Clock = time.perf_counter_ns,
    waited_ns: Clock | None = None,
    on_progress: Progress | None = None,
) -> dict[str, LatencyResult]:
    """Time runners on the same batches, interleaved batch by batch.

    In every round each batch goes through all runners before the next batch does, in an order shuffled anew for the
    round: whatever else the machine does falls on all of them, and none always comes first (randomised multiple
    interleaved trials, A. Abedi and T. Brecht, ICPE 2017). The price is that runners displace each other from the
    processor's caches, so that each looks a little slower than it would alone. Garbage is collected between rounds
    and never during one.

    Args:
        runners: by name; each must return one row of logits for every text.
        batches: inputs of one call each; every array of a batch has the same number of texts.
        warmup: untimed rounds over all batches before the timed ones; 0 times the first call of each as well.
        repeats: timed rounds over all batches; every runner gets repeats x len(batches) samples.
        seed: of the order of the runners.
        clock_ns: wall-clock time unless it is `time.process_time_ns`, which, for runners of one thread, leaves out the
            time in which the machine does something else.
        waited_ns: what the process has waited for a processor, see `waiting`.

    Raises:
        MeasurementError: if there is nothing to run, or a runner does not answer every text.
        ShapeError: if the arrays of a batch disagree on the number of texts.
    """
    if not runners or not batches or repeats < 1 or warmup < 0:
        raise MeasurementError("timing needs a runner, a batch, one repeat or more, and no negative warm-up")
    work = [(batch, _texts_in(batch)) for batch in batches]
    calls: dict[str, list[_Call]] = {name: [] for name in runners}
    order, shuffler, done = list(runners), random.Random(seed), 0
    with _no_garbage_collection():
        for round_index in range(warmup + repeats):
            gc.collect(_YOUNG)
            shuffler.shuffle(order)
            for batch, texts in work:
                timed = {name: _time_call(name, runners[name], batch, texts, clock_ns, waited_ns) for name in order}
                if round_index >= warmup:
                    for name, call in timed.items():
                        calls[name].append(call)
                done += 1
                if on_progress is not None:
                    on_progress(done, (warmup + repeats) * len(work))
    texts_timed = repeats * sum(texts for _, texts in work)
    return {name: _result(made, texts_timed) for name, made in calls.items()}


def joined(results: Sequence[LatencyResult]) -> LatencyResult:
    """Results of one runner, as if they had been one measurement; the share of waiting is that of the mean call."""
    samples_ns = [round(sample * _NS_PER_MS) for result in results for sample in result.samples_ms]
    waited = sum(result.waited_share * result.samples for result in results) / len(samples_ns)
    found = _summarise(samples_ns, sum(result.texts for result in results))
    return replace(found, waited_share=waited)


def speedup(
    baseline: LatencyResult,
    candidate: LatencyResult,
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Ratio:
    """How many times as fast the candidate is: ratio of the medians of paired samples, with a bootstrap interval.

    Both must come from one call of `measure`, which is what pairs their samples. Samples are drawn as if they were
    independent; a machine that is slow for whole stretches makes the interval too narrow, so spread the rounds out.

    Raises:
        ShapeError: if the two have different numbers of samples, or fewer than two.
    """
    return ratio_of_medians(
        baseline.samples_ms, candidate.samples_ms, confidence=confidence, resamples=resamples, seed=seed
    )


def _texts_in(batch: Batch) -> int:
    lengths = {len(array) for array in batch.values()}
    if len(lengths) != 1 or 0 in lengths:
        raise ShapeError(f"the arrays of a batch must have the same number of texts, got {sorted(lengths)}")
    return lengths.pop()


@dataclass(frozen=True)
class _Call:
    """ns by the clock, on the wall, and waited."""

    elapsed_ns: int
    wall_ns: int
    waited_ns: int


def _time_call(name: str, runner: Runner, batch: Batch, texts: int, clock_ns: Clock, waited_ns: Clock | None) -> _Call:
    waited = waited_ns() if waited_ns else 0
    wall_ns = time.perf_counter_ns()
    start_ns = clock_ns()
    logits = runner(batch)
    elapsed_ns = clock_ns() - start_ns
    wall_ns = time.perf_counter_ns() - wall_ns
    waited = waited_ns() - waited if waited_ns else 0
    if len(logits) != texts:
        raise MeasurementError(f"runner {name} answered {len(logits)} of {texts} texts")
    return _Call(elapsed_ns, wall_ns, waited)


def _result(calls: Sequence[_Call], texts: int) -> LatencyResult:
    """Threads wait side by side, so that all of them together may have waited longer than there was time."""
    waited_ns = sum(min(max(call.waited_ns, 0), call.wall_ns) for call in calls)
    share = _share(waited_ns, sum(call.wall_ns for call in calls))
    return replace(_summarise([call.elapsed_ns for call in calls], texts), waited_share=share)


def _share(part: float, whole: float) -> float:
    return min(part / whole, 1.0) if whole > 0 else 0.0


def _summarise(samples_ns: Sequence[int], texts: int) -> LatencyResult:
    # A clock tick is the least a call can take; zero would make throughput and ratios infinite.
    samples_ms = np.maximum(np.asarray(samples_ns, dtype=np.float64), 1.0) / _NS_PER_MS
    p50_ms, p90_ms, p95_ms, p99_ms = (float(value) for value in np.percentile(samples_ms, [50, 90, 95, 99]))
    return LatencyResult(
        p50_ms=p50_ms,
        p90_ms=p90_ms,
        p95_ms=p95_ms,
        p99_ms=p99_ms,
        throughput_texts_per_s=float(texts * _MS_PER_S / samples_ms.sum()),
        samples=len(samples_ms),
        texts=texts,
        samples_ms=tuple(float(value) for value in samples_ms),
    )


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Switch the cyclic collector off, and back on only if it was on."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
