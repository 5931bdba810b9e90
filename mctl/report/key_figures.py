"""The four figures that a release is decided on: quality, speed, size and energy of the export against the baseline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from mctl.report.plain import number
from mctl.report.rows import percent
from mctl.report.schema import Comparison, Interval, Participant, ValidationResult

NOT_MEASURED = "not measured"
# An interval of a speed-up around 1 whose ends differ by more than this factor tells nothing.
_UNTOLD = 1.5


class KeyFigure(NamedTuple):
    """One figure: what it is about, the figure in words, and what it is made of."""

    name: str
    value: str
    details: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """All of it in one line."""
        return f"{self.value} ({'; '.join(self.details)})" if self.details else self.value


def key_figures(result: ValidationResult) -> list[KeyFigure]:
    """Quality, speed, size and energy; what was not measured says so. An error report has none.

    Example:
        >>> [figure.name for figure in key_figures(result)]
        ['quality', 'speed', 'size', 'energy']
    """
    if not {"export", "baseline"} <= result.participants.keys():
        return []
    export, baseline = result.participants["export"], result.participants["baseline"]
    return [_quality(result.comparison), _speed(result.comparison), _size(export, baseline), _energy(export, baseline)]


def gain_or_loss(points: float) -> str:
    """A difference, export less baseline, as a gain or a loss of so many points; the sign is in the word."""
    if not round(points, 2):
        return "no change"
    return f"{'gain' if points > 0 else 'loss'} of {abs(points):.2f} points"


def _quality(comparison: Comparison | None) -> KeyFigure:
    if comparison is None:
        return KeyFigure("quality", NOT_MEASURED)
    found = comparison.accuracy
    change = found.accuracy_difference_points
    return KeyFigure(
        "quality",
        f"{gain_or_loss(change.value)}{' of' if round(change.value, 2) else ' in'} accuracy",
        (
            f"{100 * change.confidence:.3g} % interval: {_span_of_points(change)}",
            f"accuracy {percent(found.candidate_accuracy)} %, baseline {percent(found.baseline_accuracy)} %",
        ),
    )


def _span_of_points(change: Interval) -> str:
    """From one end to the other, the smaller first where both are gains or both are losses."""
    low, high = round(change.low, 2), round(change.high, 2)
    if low * high > 0:
        near, far = sorted((abs(low), abs(high)))
        return f"{'gain' if low > 0 else 'loss'} of {near:.2f} to {far:.2f} points"
    return f"{gain_or_loss(low).removesuffix(' points')} to {gain_or_loss(high)}"


def _speed(comparison: Comparison | None) -> KeyFigure:
    if comparison is None:
        return KeyFigure("speed", NOT_MEASURED)
    speedup = comparison.speedup
    details = [f"{100 * speedup.confidence:.3g} % interval: {speedup.low:.2f} to {speedup.high:.2f}"]
    times = [_median(comparison.latency_ms.get(role)) for role in ("export", "baseline")]
    if all(times):
        texts = comparison.measured_with.get("batch_size")
        details.append(f"median {times[0]} ms a batch{f' of {texts}' if texts else ''}, baseline {times[1]} ms")
    told = f"{speedup.value:.2f} times as fast"
    if speedup.low <= 1 <= speedup.high and speedup.high > _UNTOLD * speedup.low:
        quiet = "the timings differ too much: validate again while nothing else runs, or with more --repeats"
        return KeyFigure("speed", "not measurable on this machine", (quiet, told, *details))
    return KeyFigure("speed", told, tuple(details))


def _median(times: list[float] | None) -> str:
    from statistics import median

    return number(median(times)) if times else ""


def _size(export: Participant, baseline: Participant) -> KeyFigure:
    before, after = baseline.file_bytes / 1e6, export.file_bytes / 1e6
    return KeyFigure(
        "size", _times(before, after, "smaller", "larger"), (f"{number(after)} MB, baseline {number(before)} MB",)
    )


def _energy(export: Participant, baseline: Participant) -> KeyFigure:
    before, after = _spent(baseline), _spent(export)
    if before is None or after is None:
        return KeyFigure("energy", NOT_MEASURED)
    source = (export.emissions or {}).get("source")
    amounts = f"{number(1000 * after)} Wh per 1,000 texts, baseline {number(1000 * before)} Wh"
    return KeyFigure("energy", _times(before, after, "less", "more"), (amounts, *([str(source)] if source else [])))


def _spent(one: Participant) -> float | None:
    """kWh for 1,000 texts, net of idle where idle was measured."""
    found: Mapping[str, Any] = one.emissions or {}
    spent = (found.get("net") or found).get("kwh_per_1000_texts")
    return None if spent is None else float(spent)


def _times(before: float, after: float, less: str, more: str) -> str:
    """By which factor it shrank or grew, and never by a factor below one."""
    if before <= 0 or after <= 0:
        return "no ratio"
    ratio = before / after
    if f"{max(ratio, 1 / ratio):.2f}" == "1.00":
        return "the same"
    return f"{ratio:.2f} times {less}" if ratio > 1 else f"{1 / ratio:.2f} times {more}"
