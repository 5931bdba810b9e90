"""How fast models answer, measured side by side so that a noisy machine is equally noisy to all of them."""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

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
_CONFIDENCE = 0.95


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
    """

    p50_ms: float
    p90_ms: float
    p95_ms: float
    p99_ms: float
    throughput_texts_per_s: float
    samples: int
    texts: int
    samples_ms: tuple[float, ...]


def measure(
    runners: Mapping[str, Runner],
    batches: Sequence[Batch],
    *,
    warmup: int,
    repeats: int,
    seed: int = 0,
    clock_ns: Clock = time.perf_counter_ns,
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

    Raises:
        MeasurementError: if there is nothing to run, or a runner does not answer every text.
        ShapeError: if the arrays of a batch disagree on the number of texts.
    """
    if not runners or not batches or repeats < 1 or warmup < 0:
        raise MeasurementError("timing needs a runner, a batch, one repeat or more, and no negative warm-up")
    work = [(batch, _texts_in(batch)) for batch in batches]
    samples_ns: dict[str, list[int]] = {name: [] for name in runners}
    order, shuffler, done = list(runners), random.Random(seed), 0
    with _no_garbage_collection():
        for round_index in range(warmup + repeats):
            gc.collect(_YOUNG)
            shuffler.shuffle(order)
            for batch, texts in work:
                elapsed_ns = {name: _time_call_ns(name, runners[name], batch, texts, clock_ns) for name in order}
                if round_index >= warmup:
                    for name, value in elapsed_ns.items():
                        samples_ns[name].append(value)
                done += 1
                if on_progress is not None:
                    on_progress(done, (warmup + repeats) * len(work))
    texts_timed = repeats * sum(texts for _, texts in work)
    return {name: _summarise(times, texts_timed) for name, times in samples_ns.items()}


def measure_until(
    enough: Callable[[Mapping[str, LatencyResult], float], bool],
    runners: Mapping[str, Runner],
    batches: Sequence[Batch],
    *,
    warmup: int,
    repeats: int,
    looks: int = 4,
    clock_ns: Clock = time.perf_counter_ns,
    on_progress: Progress | None = None,
) -> tuple[dict[str, LatencyResult], float]:
    """`measure`, going on until the figures are enough: twice as many rounds at each look, up to `looks` of them.

    Looking again and again and stopping when one likes what one sees finds effects that are none. Each look therefore
    has its part of the 5 % alone (Bonferroni over the looks; S. Pocock, Biometrika 1977, on why).

    Args:
        enough: of the results so far and the confidence that their intervals must have, whether to stop.
        repeats: rounds until the first look.

    Returns:
        the results, and the confidence of each look.
    """
    confidence = 1 - (1 - _CONFIDENCE) / looks
    found: dict[str, LatencyResult] = {}
    for look in range(looks):
        rounds = repeats * 2 ** max(look - 1, 0)
        more = measure(
            runners,
            batches,
            warmup=0 if look else warmup,
            repeats=rounds,
            seed=look,
            clock_ns=clock_ns,
            on_progress=on_progress,
        )
        found = {name: _joined(found[name], result) if look else result for name, result in more.items()}
        if enough(found, confidence):
            break
    return found, confidence


def _joined(first: LatencyResult, second: LatencyResult) -> LatencyResult:
    samples_ns = [round(sample * _NS_PER_MS) for sample in (*first.samples_ms, *second.samples_ms)]
    return _summarise(samples_ns, first.texts + second.texts)


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


def _time_call_ns(name: str, runner: Runner, batch: Batch, texts: int, clock_ns: Clock) -> int:
    start_ns = clock_ns()
    logits = runner(batch)
    elapsed_ns = clock_ns() - start_ns
    if len(logits) != texts:
        raise MeasurementError(f"runner {name} answered {len(logits)} of {texts} texts")
    return elapsed_ns


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
