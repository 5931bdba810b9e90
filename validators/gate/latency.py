"""Is the export as fast as was asked?"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from .check import Check, Figure, at_least, at_most, count
from .thresholds import Thresholds

if TYPE_CHECKING:
    from ..latency import LatencyResult
    from ..statistics import Ratio


def latency_checks(result: LatencyResult, thresholds: Thresholds, speedup: Ratio | None = None) -> list[Check]:
    """Checks of latency, and of speed against the baseline if it was measured.

    A speedup passes if its whole interval reaches the threshold, fails if none of it does, and is inconclusive
    in between: a noisy machine must not decide a release.
    """
    over = f"over {count(result.samples, 'call')}"
    throughput = result.throughput_texts_per_s
    checks = [
        at_most(Figure("p50", "latency", result.p50_ms, "ms", "median latency", over), None),
        at_most(Figure("p95", "latency", result.p95_ms, "ms", "p95 latency", over), thresholds.max_p95_ms),
        at_least(Figure("throughput", "latency", throughput, "texts/s", "throughput", over), None),
    ]
    if speedup is not None:
        checks.append(_speedup_check(speedup, thresholds.min_speedup, over))
    return checks


def _speedup_check(speedup: Ratio, threshold: float | None, over: str) -> Check:
    interval = f"({100 * speedup.confidence:.0f} % interval {speedup.low:.2f} to {speedup.high:.2f})"
    check = at_least(Figure("speedup", "latency", speedup.value, "x", "speedup", f"{over} {interval}"), threshold)
    if threshold is None or not math.isfinite(speedup.value):
        return check
    if speedup.low < threshold <= speedup.high:
        return replace(check, verdict="inconclusive")
    return check
