"""Is the export as often right as the baseline, on all texts and on every part of them?

Non-inferiority: what has to be shown is that the loss is below a margin, with the whole of its interval; a loss that
was merely not found to be significant is no evidence of none (S. Wellek, "Testing Statistical Hypotheses of Equivalence
and Noninferiority", 2010, chapter 1). So few texts give no pass, and noise no fail.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from .check import Check, Figure, Verdict, at_least, count, judge
from .thresholds import Thresholds

if TYPE_CHECKING:
    from ..accuracy import PairedAccuracy
    from ..slices import Slice
    from ..statistics import Estimate

_SIGNIFICANT = 0.05
_TOO_MANY = 1_000_000


def accuracy_checks(result: PairedAccuracy, thresholds: Thresholds) -> list[Check]:
    """Checks of a candidate against its baseline: pass if all of a loss's interval is allowed, fail if none of it is.

    In between is inconclusive, and the sentence says about how many texts would settle it.
    """
    on = f"on {count(result.texts, 'text')}"
    flips = f"{result.flipped_to_wrong} turned wrong, {result.flipped_to_right} turned right"
    details = f"({flips}; McNemar p {result.mcnemar_p:.3g}; {result.resolvable_points:.2f} points can be resolved)"
    return [
        _loss(
            Figure("accuracy_drop", "accuracy", 0, "points", "loss of accuracy", f"{on} {details}"),
            result.accuracy_difference_points,
            result.texts,
            thresholds.max_accuracy_drop_points,
        ),
        _loss(
            Figure("macro_f1_drop", "accuracy", 0, "points", "loss of macro F1", on),
            result.macro_f1_difference_points,
            result.texts,
            thresholds.max_macro_f1_drop_points,
        ),
        at_least(Figure("accuracy", "accuracy", result.candidate_accuracy, "share", "accuracy", on), None),
        at_least(Figure("macro_f1", "accuracy", result.candidate_macro_f1, "share", "macro F1", on), None),
    ]


def slice_checks(slices: Sequence[Slice], thresholds: Thresholds) -> list[Check]:
    """One check for the classes and one for the lengths, each on the part that lost most.

    A part fails when it lost more than is allowed and its flips are no chance even with as many parts looked at as
    there are; where they are no chance for this part alone, that is inconclusive. Parts with too few texts to tell
    pass: what they lose together counts in accuracy and macro F1.
    """
    names: tuple[tuple[Literal["class", "length"], str, str], ...] = (
        ("class", "class_f1_drop", "F1"),
        ("length", "length_accuracy_drop", "accuracy"),
    )
    checks = []
    for kind, name, what in names:
        parts = [part for part in slices if part.kind == kind]
        if parts:
            checks.append(_slice_check(parts, name, what, thresholds.max_slice_drop_points))
    return checks


def _loss(figure: Figure, difference: Estimate, texts: int, margin: float | None) -> Check:
    """A loss is a difference with its sign turned; 0.0 is added so that none is not written -0."""
    low, value, high = (-bound + 0.0 for bound in (difference.high, difference.value, difference.low))
    interval = f"({100 * difference.confidence:.0f} % interval {low:.2f} to {high:.2f})"
    told = replace(figure, value=value, tail=f"{interval} {figure.tail}")
    check = judge(told, margin, margin is None or low <= margin, "at most", "allowed")
    if margin is None or not math.isfinite(value) or high <= margin or low > margin:
        return check
    return replace(check, verdict="inconclusive", why=f"{check.why}: {_needed(texts, value, low, high, margin)}")


def _needed(texts: int, value: float, low: float, high: float, margin: float) -> str:
    """About how many texts would settle it if the loss stayed as it is: intervals shrink with the root of the texts."""
    half = high - value if value <= margin else value - low
    distance = abs(margin - value)
    needed = texts * (half / distance) ** 2 if distance > 0 else math.inf
    if not needed <= _TOO_MANY:
        return "these texts cannot tell, and hardly any number would: the loss is as large as is allowed"
    digits = 10 ** max(math.floor(math.log10(needed)) - 1, 0)
    return f"these texts cannot tell, about {math.ceil(needed / digits) * digits} could"


def _slice_check(parts: Sequence[Slice], name: str, what: str, limit: float | None) -> Check:
    over = [part for part in parts if limit is not None and part.drop_points > limit]
    verdict: Verdict = "pass" if limit is not None else "info"
    if any(part.p <= _SIGNIFICANT for part in over):
        verdict = "fail" if any(part.adjusted_p <= _SIGNIFICANT for part in over) else "inconclusive"
    # What decides comes first, then what lost most.
    worst = min(parts, key=lambda part: (part not in over, part.adjusted_p if part in over else 0, -part.drop_points))
    label = f"{worst.name}: loss of {what}"
    tail = (
        f"on {count(worst.texts, 'text')} ({100 * worst.before:.1f} to {100 * worst.after:.1f} %; "
        f"{worst.to_wrong} turned wrong, {worst.to_right} turned right; p {worst.p:.3g}, and {worst.adjusted_p:.3g} "
        f"with all {count(len(parts), 'part')} looked at)"
    )
    told = judge(Figure(name, "accuracy", worst.drop_points, "points", label, tail), limit, True, "at most", "allowed")
    few = ": too few texts to tell it from chance" if over and verdict == "pass" else ""
    return replace(told, verdict=verdict, why=told.why + few)
