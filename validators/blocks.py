"""How many times as fast, measured in several blocks that each open their sessions anew.

Where a session's memory lies, and on which core its threads run, is drawn when it is opened and stays for its life:
calls of one session agree with each other better than with those of the next (T. Kalibera and R. Jones, "Rigorous
Benchmarking in Reasonable Time", ISMM 2013, on levels of repetition; T. Mytkowicz et al., "Producing Wrong Data Without
Doing Anything Obviously Wrong", ASPLOS 2009, on layout). What is drawn once a session has to be repeated by session.
And a shared machine wanders at all time scales, so that a mean over more time is hardly surer (flicker noise; D. Allan,
"Statistics of Atomic Frequency Standards", Proc. IEEE 1966): intervals have a part that more blocks do not shrink.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from .errors import ShapeError
from .latency import Clock, LatencyResult, Progress, joined, measure
from .statistics import Ratio
from .types import Batch, FloatArray, Runner

Block = Mapping[str, LatencyResult]
"""Times of all runners, by name, from one opening of their sessions."""

_CONFIDENCE = 0.95
_MOST_WAITING = 0.99
_NS_PER_S = 1e9
_PATIENCE = 3.0
_GROWTH = 3
# Of a run, on the logarithm of a ratio: two runs differ by more than their blocks tell, since blocks share a process,
# its libraries' places and the state of the machine. Found by timing one export in process after process.
_BETWEEN_RUNS = 0.01
# Of the spread of blocks, what their mean is uncertain by however many they are: benchmarks/wander.py found means of 8,
# 16 and 32 blocks on a shared machine to spread by 0.67, 0.59 and 0.41 of what single blocks do.
_FLICKER = 0.5


@dataclass(frozen=True)
class Plan:
    """How many blocks there are.

    Looking again and again, and stopping when one likes what one sees, finds effects that are none. Each look therefore
    has its part of the 5 % alone (Bonferroni over the looks; S. Pocock, Biometrika 1977, on why).

    Time is that of the clock that counts, so that a process that has to wait measures as much as one that has not; but
    a second of it is never more than three on the wall.

    Attributes:
        first: blocks until the first look; there are three times as many at each further one.
        fewest: blocks that there are even if they take longer than `seconds`.
        looks: at most.
        seconds: for the blocks until the first look; one and a half times as many are for all further ones together.
        rounds: timed ones of a block over all batches, fewer where they take longer than the block's part of `seconds`.
        warmup: untimed ones before; the first call of a session also plans its memory.
        fewest_batches: that a round goes over even if the block's part of `seconds` is too short for them.
    """

    first: int = 8
    fewest: int = 4
    looks: int = 2
    seconds: float = 20.0
    rounds: int = 5
    warmup: int = 1
    fewest_batches: int = 4

    @property
    def confidence(self) -> float:
        """Of the intervals of each look."""
        return 1 - (1 - _CONFIDENCE) / self.looks

    @property
    def more_seconds(self) -> float:
        """For all looks but the first."""
        return 1.5 * self.seconds

    def fitting(self, round_seconds: float) -> int:
        """Timed rounds of a block if one takes `round_seconds`."""
        return min(max(int(self.seconds / self.first / max(round_seconds, 1e-9)), 1), self.rounds)

    def fitting_batches(self, batches: int, batch_seconds: float) -> int:
        """Batches of a round if all runners together take `batch_seconds` for one.

        Halved until warm-up and one timed round fit into a block, so that runs on one machine choose the same number:
        figures over different texts do not compare.
        """
        while batches > self.fewest_batches and batches * batch_seconds * (self.warmup + 1) > self.seconds / self.first:
            batches = max(batches // 2, self.fewest_batches)
        return batches


def measure_blocks(
    enough: Callable[[Sequence[Block]], bool],
    opened: Callable[[], Mapping[str, Runner]],
    batches: Sequence[Batch],
    plan: Plan,
    *,
    clock_ns: Clock = time.perf_counter_ns,
    waited_ns: Clock | None = None,
    on_progress: Progress | None = None,
) -> list[Block]:
    """`measure` with runners opened anew for every block, going on until the blocks are enough or time is up.

    Args:
        enough: of the blocks so far, whether to stop.
        opened: opens all runners; those of the block before are let go first.
        on_progress: called after a block with (blocks done, blocks until the next look).
    """
    blocks: list[Block] = []
    target, budget, spent = plan.first, plan.seconds, _stopwatch(clock_ns)

    def until(wanted: int) -> None:
        while len(blocks) < wanted and (len(blocks) < plan.fewest or spent() < budget):
            blocks.append(_block(opened(), batches, plan, seed=len(blocks), clock_ns=clock_ns, waited_ns=waited_ns))
            if on_progress is not None:
                on_progress(len(blocks), wanted)

    until(target)
    for look in range(plan.looks - 1):
        if enough(blocks):
            break
        if not look:
            budget = spent() + plan.more_seconds
        target *= _GROWTH
        until(target)
    return blocks


def _stopwatch(clock_ns: Clock) -> Callable[[], float]:
    """Seconds by a clock since now, or those on the wall as far as one is patient, whichever are more."""
    started, started_ns = time.monotonic(), clock_ns()
    return lambda: max((clock_ns() - started_ns) / _NS_PER_S, (time.monotonic() - started) / _PATIENCE)


def _block(
    runners: Mapping[str, Runner],
    batches: Sequence[Batch],
    plan: Plan,
    *,
    seed: int,
    clock_ns: Clock,
    waited_ns: Clock | None,
) -> Block:
    rounds = plan.rounds
    if plan.warmup:
        spent = _stopwatch(clock_ns)
        measure(runners, batches, warmup=plan.warmup - 1, repeats=1, seed=seed, clock_ns=clock_ns)
        rounds = plan.fitting(spent() / plan.warmup)
    return measure(runners, batches, warmup=0, repeats=rounds, seed=seed, clock_ns=clock_ns, waited_ns=waited_ns)


def join(blocks: Sequence[Block]) -> dict[str, LatencyResult]:
    """All calls of every runner, block after block."""
    return {name: joined([block[name] for block in blocks]) for name in blocks[0]}


def block_ratios(blocks: Sequence[Block], above: str, below: str, batches: int) -> list[float]:
    """Of every block, how many times as long `above` takes as `below`.

    Batch by batch: which of batches of different lengths a median over all falls on is chance. Of a batch, the lower
    quartile over the rounds, since what disturbs a call only ever makes it longer; of the ratios of the batches, the
    mean of the middle half, geometric.

    Args:
        batches: in a round.
    """
    return [math.exp(_middle(_log_ratios(block, above, below, batches))) for block in blocks]


def ratio_over_blocks(
    blocks: Sequence[Block],
    above: str,
    below: str,
    batches: int,
    *,
    confidence: float,
    resamples: int = 2000,
    seed: int = 0,
) -> Ratio:
    """The geometric mean of the blocks' ratios, with the wider of two intervals.

    One is Student's t over the logarithms of the blocks, the other the bootstrap of the batches within their blocks:
    few blocks may agree by chance.

    Args:
        batches: in a round.

    Raises:
        ShapeError: fewer than two blocks.
    """
    middles = np.log(block_ratios(blocks, above, below, batches))
    if middles.size < 2:
        raise ShapeError("an interval over blocks needs two or more")
    value, half = float(middles.mean()), _student(confidence, middles.size - 1) * _error(middles, middles.size)
    draws, rng = np.zeros(resamples), np.random.default_rng(seed)
    for block in blocks:
        ratios = _log_ratios(block, above, below, batches)
        draws += _middle(rng.choice(ratios, (resamples, ratios.size)).T) / len(blocks)
    tail = (1 - confidence) / 2
    low, high = np.quantile(draws, (tail, 1 - tail))
    return _ratio(value, min(value - half, float(low)), max(value + half, float(high)), confidence)


def quotient_over_blocks(above: Sequence[float], below: Sequence[float], *, confidence: float) -> Ratio:
    """above / below, where each was measured in blocks of its own, at another time.

    Welch's t over the logarithms (B. Welch, Biometrika 1947): the two may spread differently. Of a side that is one
    figure, the spread is taken to be the other's. What runs differ by besides is added by squares.

    Args:
        above, below: ratios of the blocks; one of the two needs two or more.

    Raises:
        ShapeError: neither has two blocks, or one has none.
    """
    sides = [np.log(np.asarray(side, np.float64)) for side in (above, below)]
    known = [side for side in sides if side.size > 1]
    if not known or min(side.size for side in sides) < 1:
        raise ShapeError("a quotient over blocks needs two of one side, and one of the other")
    spreads = [side if side.size > 1 else known[0] for side in sides]
    parts = [_error(spread, side.size) ** 2 for spread, side in zip(spreads, sides, strict=True)]
    error, freedom = math.sqrt(sum(parts)), min(spread.size for spread in spreads) - 1.0
    if error > 0:
        squares = sum(part**2 / (spread.size - 1) for part, spread in zip(parts, spreads, strict=True))
        freedom = sum(parts) ** 2 / squares if len(known) == len(sides) else freedom
    value = float(sides[0].mean() - sides[1].mean())
    half = math.hypot(
        _student(confidence, freedom) * error, _student(confidence, math.inf) * _BETWEEN_RUNS * math.sqrt(2)
    )
    return _ratio(value, value - half, value + half, confidence)


def allowing_for_waiting(ratio: Ratio, above: float, below: float) -> Ratio:
    """A ratio of times on the wall of which a share was waiting for a processor, and nobody knows which calls' it was.

    Args:
        above, below: shares (0..1) of the time above and below the line that may have been waiting. Without it each
            side took between its time less that share and its time.
    """
    shares = [min(max(share, 0.0), _MOST_WAITING) for share in (above, below)]
    return Ratio(ratio.value, ratio.low * (1 - shares[0]), ratio.high / (1 - shares[1]), ratio.confidence)


def _log_ratios(block: Block, above: str, below: str, batches: int) -> FloatArray:
    """(batches,) of a block."""
    first, second = (
        np.log(np.percentile(np.reshape(block[name].samples_ms, (-1, batches)), 25, axis=0)) for name in (above, below)
    )
    ratios: FloatArray = first - second
    return ratios


def _middle(values: FloatArray) -> Any:
    """Mean of the middle half along the first axis."""
    return stats.trim_mean(values, 0.25, axis=0)


def _error(values: npt.NDArray[np.float64], size: int) -> float:
    """Standard error of a mean of `size` that spread like `values`, one after the other on a machine that wanders."""
    return float(values.std(ddof=1)) * math.hypot(1 / math.sqrt(size), _FLICKER)


def _student(confidence: float, freedom: float) -> float:
    return float(stats.t.ppf((1 + confidence) / 2, freedom))


def _ratio(value: float, low: float, high: float, confidence: float) -> Ratio:
    return Ratio(math.exp(value), math.exp(low), math.exp(high), confidence)
