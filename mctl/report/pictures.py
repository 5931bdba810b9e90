"""Where things stand in the drawings of a validation's page: intervals against limits, and times on an axis of ms.

The page's template draws them as SVG. Lengths are in units of the drawing, which is as wide as the page lets it be.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mctl.report.plain import number
from mctl.report.schema import CheckResult, Comparison, Role

WIDTH = 320.0
_MARGIN = 8.0
# Room for the names of the models on the left of the times, and for a figure at the right end of a bar.
_NAMES, _FIGURES = 62.0, 58.0

_Quantiles = tuple[float, float, float, float, float]


class Mark(NamedTuple):
    """A place on an axis and what is written there; `anchor` keeps the words within the drawing."""

    x: float
    label: str

    @property
    def anchor(self) -> str:
        """As SVG has it."""
        return "start" if self.x < WIDTH / 4 else "end" if self.x > 3 * WIDTH / 4 else "middle"


class IntervalPicture(NamedTuple):
    """A figure with its interval against its limit; `allowed` is the part of the axis that the limit leaves."""

    low: float
    high: float
    figure: float
    limit: Mark
    span: Mark
    allowed: tuple[float, float] | None
    described: str


class Bar(NamedTuple):
    """The times of one model: from the 5th to the 95th percentile, the middle half, and the median."""

    role: Role
    p5: float
    p25: float
    p50: float
    p75: float
    p95: float
    median: str


class LatencyPicture(NamedTuple):
    """Bars over an axis that begins at 0 ms."""

    bars: list[Bar]
    ticks: list[Mark]
    described: str


def interval_picture(check: CheckResult, comparison: Comparison | None) -> IntervalPicture | None:
    """What is drawn of a check; None without a figure and a limit that it is compared with.

    A figure without an interval is drawn as a point.

    Args:
        comparison: has the intervals of results of version 0.1.0, whose checks have none.
    """
    low, high, bound = _ends(check, comparison)
    if check.figure is None or check.threshold is None or (bound is None and low is None and high is None):
        return None
    without_end = high is None and low is not None
    low, high = (check.figure if end is None else end for end in (low, high))
    ends = (low, high, check.figure, check.threshold)
    room = (max(ends) - min(ends)) * 0.12 or abs(check.threshold) * 0.1 or 1.0
    scale = _Scale(min(ends) - room, max(ends) + room, _MARGIN, WIDTH - _MARGIN)
    limit = scale.at(check.threshold)
    # An interval whose upper end is not known goes on to the edge.
    right = WIDTH - _MARGIN if without_end else scale.at(high)
    allowed = {"at most": (_MARGIN, limit), "at least": (limit, WIDTH - _MARGIN)}.get(bound or "")
    loss = check.name.endswith("_drop")
    figure = (
        f"gain of {_written(-check.figure, check.unit)}"
        if loss and check.figure < 0
        else _written(check.figure, check.unit)
    )
    interval = f"at least {_written(low, check.unit)}" if without_end else ""
    if not interval and low < high:
        interval = _span(low, high, check.unit, loss=loss)
    edge = f"{f'{bound} ' if bound else 'limit '}{_written(check.threshold, check.unit)}"
    return IntervalPicture(
        scale.at(low),
        right,
        scale.at(check.figure),
        Mark(limit, edge),
        Mark((scale.at(low) + right) / 2, interval or figure),
        allowed,
        f"{check.name}: {figure}, {f'interval {interval}, ' if interval else ''}{edge}",
    )


def latency_picture(samples: Mapping[Role, Sequence[float]], roles: Sequence[Role]) -> LatencyPicture | None:
    """Times of every model that was timed, on one axis."""
    timed = {role: _quantiles(samples[role]) for role in roles if samples.get(role)}
    if not timed:
        return None
    step, last = _steps(max(times[-1] for times in timed.values()))
    scale = _Scale(0.0, last, _NAMES, WIDTH - _FIGURES)
    bars = [_bar(role, times, scale) for role, times in timed.items()]
    ticks = [Mark(scale.at(index * step), f"{index * step:g}") for index in range(round(last / step) + 1)]
    said = (
        f"{role}: median {number(times[2])}, 90 % between {number(times[0])} and {number(times[-1])}"
        for role, times in timed.items()
    )
    return LatencyPicture(bars, ticks, f"Latency in milliseconds a batch. {'; '.join(said)}.")


class _Scale(NamedTuple):
    """From figures to places."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)


def _bar(role: Role, times: _Quantiles, scale: _Scale) -> Bar:
    p5, p25, p50, p75, p95 = (scale.at(time) for time in times)
    return Bar(role, p5, p25, p50, p75, p95, f"{number(times[2])} ms")


def _ends(check: CheckResult, comparison: Comparison | None) -> tuple[float | None, float | None, str | None]:
    """Interval and direction of a check."""
    if check.low is not None or check.high is not None or comparison is None:
        return check.low, check.high, check.bound
    points = {
        ("accuracy", "accuracy_drop"): comparison.accuracy.accuracy_difference_points,
        ("accuracy", "macro_f1_drop"): comparison.accuracy.macro_f1_difference_points,
    }
    if found := points.get((check.group, check.name)):
        # A loss is a difference with its sign turned.
        return -found.high, -found.low, "at most"
    if (check.group, check.name) == ("latency", "speedup"):
        return comparison.speedup.low, comparison.speedup.high, "at least"
    return None, None, check.bound


def _bare(value: float, unit: str) -> str:
    """A figure without its unit; a share is written in per cent."""
    return f"{100 * value:.4g}" if unit == "share" else f"{value:.3g}".replace("-", "\u2212")


def _span(low: float, high: float, unit: str, *, loss: bool) -> str:
    """An interval in words; a loss below zero is a gain."""
    if not loss or low >= 0:
        return f"{_bare(low, unit)} to {_written(high, unit)}"
    if high > 0:
        return f"gain of {_bare(-low, unit)} to loss of {_written(high, unit)}"
    return f"gain of {_bare(-high, unit)} to {_written(-low, unit)}"


def _written(value: float, unit: str) -> str:
    word = {"share": "%", "logit": ""}.get(unit, unit.removesuffix("s") if value == 1 and unit != "ms" else unit)
    return f"{_bare(value, unit)} {word}".rstrip()


def _quantiles(times: Sequence[float]) -> _Quantiles:
    """The 5th, 25th, 50th, 75th and 95th percentile, linear between two times."""
    ordered = sorted(times)

    def at(share: float) -> float:
        place = share * (len(ordered) - 1)
        below = math.floor(place)
        return ordered[below] + (place - below) * (ordered[min(below + 1, len(ordered) - 1)] - ordered[below])

    return at(0.05), at(0.25), at(0.5), at(0.75), at(0.95)


def _steps(largest: float) -> tuple[float, float]:
    """A step of 1, 2 or 5 times a power of ten, of which three to six reach the largest figure, and the last one."""
    power = 10.0 ** math.floor(math.log10(largest)) if largest > 0 else 1.0
    step = next(times * power for times in (0.2, 0.5, 1.0, 2.0) if largest <= 6 * times * power)
    return step, step * max(math.ceil(largest / step), 1)
