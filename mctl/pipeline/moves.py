"""Figures that two verdict files have in common, and that no threshold is set for."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mctl.report.schema import Comparison, Participant, ValidationResult

if TYPE_CHECKING:
    from mctl.validators.gate.moves import Move
    from mctl.validators.statistics import Estimate

_TIMES = (("p50", "median latency", 0.5), ("p95", "p95 latency", 0.95))


def moves(release: ValidationResult, now: ValidationResult, *, same_machine: bool, same_speed: bool) -> list[Move]:
    """All that both have.

    Args:
        same_machine: energy depends on it.
        same_speed: whether latencies were measured alike; they are in units of the baseline beside each.
    """
    before, after = release.participants["export"], now.participants["export"]
    found = [*_parameters(before, after)]
    if release.comparison is not None and now.comparison is not None:
        found += [*_parity(release.comparison, now.comparison), *_lengths(release.comparison, now.comparison)]
        if same_speed:
            found += [*_times(release.comparison, now.comparison), *_throughput(release, now)]
    if same_machine:
        found += _energy(before, after)
    return found


def _parameters(before: Participant, after: Participant) -> Iterator[Move]:
    from mctl.validators.gate.moves import Move

    if "total" in before.parameters and "total" in after.parameters:
        then, now = (_exactly(float(one.parameters["total"])) for one in (before, after))
        yield Move("parameters", "number of parameters", "parameters", then, now)


def _parity(before: Comparison, after: Comparison) -> Iterator[Move]:
    from mctl.validators.gate.moves import Move
    from mctl.validators.statistics import share_interval

    then, now = before.parity, after.parity
    if then.texts and now.texts:
        was, is_now = (share_interval(one.label_agreement, one.texts) for one in (then, now))
        yield Move("label_agreement", "label agreement with the source", "share", was, is_now, more_is_better=True)
    if then.max_abs_logit_diff is not None and now.max_abs_logit_diff is not None:
        ends = _exactly(then.max_abs_logit_diff), _exactly(now.max_abs_logit_diff)
        yield Move("max_logit_diff", "largest logit difference from the source", "logit", *ends)


def _lengths(before: Comparison, after: Comparison) -> Iterator[Move]:
    from mctl.validators.gate.moves import Move
    from mctl.validators.statistics import share_interval

    known = {part.name: part for part in before.slices if part.kind == "length" and part.texts}
    for part in after.slices:
        if part.kind == "length" and part.texts and part.name in known:
            then, now = (share_interval(one.after, one.texts) for one in (known[part.name], part))
            label = f"accuracy of texts of {part.name}"
            yield Move(f"accuracy of {part.name}", label, "share", then, now, more_is_better=True)


def _times(before: Comparison, after: Comparison) -> Iterator[Move]:
    from mctl.validators.gate.moves import Move
    from mctl.validators.statistics import quantile_interval, quotient

    samples = [[one.latency_ms.get(role) for role in ("export", "baseline")] for one in (before, after)]
    if not all(times for pair in samples for times in pair):
        return
    for name, label, share in _TIMES:
        ends = [[quantile_interval(times or [], share) for times in pair] for pair in samples]
        if all(_positive(one) for pair in ends for one in pair):
            then, now = (quotient(export, baseline) for export, baseline in ends)
            yield Move(name, f"{label}, of the baseline's", "x", then, now)


def _throughput(release: ValidationResult, now: ValidationResult) -> Iterator[Move]:
    """Its interval is as wide as the speed-up's."""
    from mctl.validators.gate.moves import Move
    from mctl.validators.statistics import Ratio

    ends = []
    for result in (release, now):
        texts = [
            _number(result.participants[role].latency, "throughput_texts_per_s") for role in ("export", "baseline")
        ]
        if result.comparison is None or not all(texts):
            return
        speedup, value = result.comparison.speedup, (texts[0] or 1.0) / (texts[1] or 1.0)
        ends.append(Ratio(value, *(value * bound / speedup.value for bound in (speedup.low, speedup.high))))
    then, later = ends
    yield Move("throughput", "throughput, of the baseline's", "x", then, later, more_is_better=True)


def _energy(before: Participant, after: Participant) -> Iterator[Move]:
    from mctl.validators.gate.moves import Move
    from mctl.validators.statistics import Estimate

    for name, figure, unit in (("energy", "kwh_per_1000_texts", "kWh"), ("emissions", "gco2e_per_1000_texts", "gCO2e")):
        ends = []
        for one in (before.emissions, after.emissions):
            value, kwh = _number(one, figure), _number(one, "kwh_per_1000_texts")
            low, high = _number(one, "kwh_low"), _number(one, "kwh_high")
            if value is None or kwh is None:
                return
            ends.append(Estimate(value, *(value * (kwh if end is None else end) / kwh for end in (low, high))))
        then, now = ends
        yield Move(name, f"{name} of 1000 texts", unit, then, now)


def _exactly(value: float) -> Estimate:
    from mctl.validators.statistics import Estimate

    return Estimate(value, value, value)


def _positive(one: Estimate) -> bool:
    return one.low > 0 and math.isfinite(one.high)


def _number(figures: dict[str, Any] | None, name: str) -> float | None:
    """A figure of a file that anybody may have written."""
    value = (figures or {}).get(name)
    return float(value) if isinstance(value, int | float) and 1e-100 < value < 1e100 else None
