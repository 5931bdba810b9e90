"""One figure against what was asked of it, and the decision over all of them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from ..errors import ValidatorError

Verdict = Literal["pass", "fail", "inconclusive", "info"]
Decision = Literal["pass", "fail", "inconclusive"]
Bound = Literal["at most", "at least"]
Group = Literal["integrity", "parity", "accuracy", "latency", "emissions", "release"]

_TOO_MANY = 1_000_000


@dataclass(frozen=True)
class Check:
    """One figure, judged.

    Attributes:
        name: of the figure, unique within its group.
        verdict: "info" where nothing was asked.
        figure: in `unit`; a figure that is not finite always fails.
        threshold: in `unit`, None where nothing was asked.
        unit: "share" (0..1), "points" (of 100), "ms", "x" (a ratio), "texts/s", "kWh", "gCO2e", "logit", "nats", a
            plain noun for counts.
        why: one sentence with the figures.
        settled_by_texts: of an inconclusive check, about how many test texts could settle it if they went on like
            these; None where no number could, or where it is not known.
        bound: whether the figure may be at most or at least the threshold; None for a figure that is not compared so.
        low, high: the interval of the figure, in `unit`; None for an end that is not known.
    """

    name: str
    group: Group
    verdict: Verdict
    figure: float
    threshold: float | None
    unit: str
    why: str
    settled_by_texts: int | None = None
    bound: Bound | None = None
    low: float | None = None
    high: float | None = None


def decide(checks: Iterable[Check]) -> Decision:
    """The verdict: fail if any check fails, else inconclusive if any is, else pass; "info" never decides.

    Raises:
        ValidatorError: without a check: nothing was looked at, which is not a pass.
    """
    verdicts = {check.verdict for check in checks}
    if not verdicts:
        raise ValidatorError("there is no check to decide on")
    if "fail" in verdicts:
        return "fail"
    return "inconclusive" if "inconclusive" in verdicts else "pass"


@dataclass(frozen=True)
class Figure:
    """A figure before it is judged; `label` and `tail` are what its sentence says before and after it."""

    name: str
    group: Group
    value: float
    unit: str
    label: str
    tail: str


def at_most(figure: Figure, limit: float | None) -> Check:
    return judge(figure, limit, limit is None or figure.value <= limit, "at most", "allowed")


def at_least(figure: Figure, limit: float | None) -> Check:
    return judge(figure, limit, limit is None or figure.value >= limit, "at least", "asked")


def judge(figure: Figure, threshold: float | None, holds: bool, bound: Bound, word: str) -> Check:
    verdict: Verdict = "info" if threshold is None else "pass"
    if not holds or not math.isfinite(figure.value):
        verdict = "fail"
    shown, limit = written(figure.value, threshold, figure.unit)
    why = f"{figure.label} {shown} {figure.tail}"
    if threshold is not None:
        why = f"{why}, {bound} {limit} {word}"
    return Check(figure.name, figure.group, verdict, figure.value, threshold, figure.unit, why, bound=bound)


def undecided(check: Check, texts: float) -> Check:
    """The check as inconclusive, with the number of texts that could settle it: two digits of it in the sentence."""
    if not texts <= _TOO_MANY:
        why = "these texts cannot tell, and hardly any number would: the figure is as good as at the limit"
        return replace(check, verdict="inconclusive", why=f"{check.why}: {why}")
    needed = math.ceil(texts)
    digits = 10 ** max(len(str(needed)) - 2, 0)
    why = f"these texts cannot tell, about {math.ceil(needed / digits) * digits} could"
    return replace(check, verdict="inconclusive", why=f"{check.why}: {why}", settled_by_texts=needed)


def written(figure: float, threshold: float | None, unit: str) -> tuple[str, str]:
    """Figure and threshold with their unit, with as many digits as it takes to tell unequal ones apart."""
    factor, word = (100.0, " %") if unit == "share" else (1.0, "" if unit == "logit" else f" {unit}")
    limit = figure if threshold is None else threshold
    shown, asked = "", ""
    for digits in range(4, 17):
        shown, asked = _digits(factor * figure, digits), _digits(factor * limit, digits)
        if figure == limit or shown != asked:
            break
    return f"{shown}{word}", f"{asked}{word}"


def _digits(value: float, digits: int) -> str:
    """A number with so many significant digits, never in powers of ten where it is large."""
    return f"{value:.0f}" if 10.0**digits <= abs(value) < 1e15 else f"{value:.{digits}g}"


def span(low: float, high: float, spec: str) -> str:
    """An interval in words; one end may not be known.

    Args:
        low, high: its ends, infinite where they are not known.
        spec: how numbers are written.

    >>> span(1.5, 2, ".1f"), span(1.5, math.inf, ".1f")
    ('1.5 to 2.0', 'at least 1.5')
    """
    if math.isinf(high):
        return "not known" if math.isinf(low) else f"at least {low:{spec}}"
    return f"at most {high:{spec}}" if math.isinf(low) else f"{low:{spec}} to {high:{spec}}"


def count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
