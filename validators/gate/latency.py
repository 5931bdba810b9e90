"""Is the export as fast as was asked?"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from .check import Check, Figure, at_least, at_most, count, span
from .thresholds import Thresholds

if TYPE_CHECKING:
    from ..latency import LatencyResult
    from ..statistics import Estimate, Ratio

MOST_WAITED = 0.05
"""Share of the calls' time that a process waits for a processor on a machine that has nothing else to do, at most."""


def latency_checks(
    result: LatencyResult,
    thresholds: Thresholds,
    speedup: Ratio | None = None,
    *,
    p95: Estimate,
    same_machine: bool = True,
) -> list[Check]:
    """Checks of latency, and of speed against the baseline if it was measured.

    A figure passes if its whole interval is allowed, fails if none of it is, and is inconclusive in between: a noisy
    machine must not decide a release.

    Args:
        p95: the 95th percentile with its interval, in ms.
        same_machine: whether this is the machine that the limit of the percentile was set for; on another, the figure
            says nothing about it.
    """
    over = f"over {count(result.samples, 'call')}"
    throughput = result.throughput_texts_per_s
    checks = [
        at_most(Figure("p50", "latency", result.p50_ms, "ms", "median latency", over), None),
        _p95_check(p95, thresholds.max_p95_ms, over, same_machine, result.waited_share),
        at_least(Figure("throughput", "latency", throughput, "texts/s", "throughput", over), None),
    ]
    if speedup is not None:
        checks.append(speedup_check(speedup, thresholds.min_speedup, over))
    return checks


def _p95_check(p95: Estimate, limit: float | None, over: str, same_machine: bool, waited: float) -> Check:
    """Over the limit on a machine that was busy with something else is no fail: the figure may be the other's."""
    told = f"{over} ({100 * p95.confidence:.0f} % interval {span(p95.low, p95.high, '.3g')})"
    check = at_most(Figure("p95", "latency", p95.value, "ms", "p95 latency", told), limit)
    check = replace(check, low=p95.low, high=p95.high)
    if limit is None or not math.isfinite(p95.value):
        return check
    if not same_machine:
        return replace(check, verdict="inconclusive", why=f"{check.why}, on another machine than this")
    if p95.low > limit and waited > MOST_WAITED:
        busy = f"on a busy machine: {100 * waited:.0f} % of the time may have been waiting for a processor"
        return replace(check, verdict="inconclusive", why=f"{check.why}, {busy}")
    undecided = p95.low <= limit < p95.high
    return replace(check, verdict="inconclusive") if undecided else check


def speedup_check(speedup: Ratio, threshold: float | None, over: str) -> Check:
    """Speed against the baseline; pass, fail or inconclusive by where the whole interval lies."""
    interval = f"({100 * speedup.confidence:.3g} % interval {span(speedup.low, speedup.high, '.2f')})"
    check = at_least(Figure("speedup", "latency", speedup.value, "x", "speedup", f"{over} {interval}"), threshold)
    check = replace(check, low=speedup.low, high=speedup.high)
    if threshold is None or not math.isfinite(speedup.value):
        return check
    if speedup.low < threshold <= speedup.high:
        return replace(check, verdict="inconclusive")
    return check
