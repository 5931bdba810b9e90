"""Is the export as often right as the baseline, on all texts and on every part of them?

Non-inferiority: what has to be shown is that the loss is below a margin, with the whole of its interval; a loss that
was merely not found to be significant is no evidence of none (S. Wellek, "Testing Statistical Hypotheses of Equivalence
and Noninferiority", 2010, chapter 1). So few texts give no pass, and noise no fail.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from .check import Check, Figure, Verdict, at_least, count, judge, undecided, written
from .thresholds import Thresholds

if TYPE_CHECKING:
    from ..accuracy import PairedAccuracy
    from ..majority import AgainstMajority
    from ..slices import Slice
    from ..statistics import Estimate

_SIGNIFICANT = 0.05
_LOSSES_ALONE = 3
_NAMED = 5
# Points: 75 % less 70 % is 5.000000000000004 of them.
_ROUNDING = 1e-9


def accuracy_checks(result: PairedAccuracy, thresholds: Thresholds) -> list[Check]:
    """Checks of a candidate against its baseline: pass if all of a loss's interval is allowed, fail if none of it is.

    In between is inconclusive, and the sentence says about how many texts would settle it.
    """
    on = f"on {count(result.texts, 'text')}"
    flips = f"{result.flipped_to_wrong} turned wrong, {result.flipped_to_right} turned right"
    details = f"({flips}; McNemar p {result.mcnemar_p:.3g}; {result.resolvable_points:.2f} points can be resolved)"
    return [
        _loss(
            Figure("accuracy_drop", "accuracy", 0, "points", "accuracy", f"{on} {details}"),
            result.accuracy_difference_points,
            thresholds.max_accuracy_drop_points,
            result.texts_for_accuracy,
        ),
        _loss(
            Figure("macro_f1_drop", "accuracy", 0, "points", "macro F1", on),
            result.macro_f1_difference_points,
            thresholds.max_macro_f1_drop_points,
            result.texts_for_macro_f1,
        ),
        at_least(Figure("accuracy", "accuracy", result.candidate_accuracy, "share", "accuracy", on), None),
        at_least(Figure("macro_f1", "accuracy", result.candidate_macro_f1, "share", "macro F1", on), None),
    ]


def slice_checks(slices: Sequence[Slice], thresholds: Thresholds) -> list[Check]:
    """One check for the classes and one for the lengths, each on the part that lost most.

    A part fails when it lost more than is allowed and its flips are no chance even with as many parts looked at as
    there are; where they are no chance for this part alone, that is inconclusive. So it is where three flips or more
    are all losses and the other parts lose more rarely: fewer than six such flips are significant in no test, and a
    class of five texts that is wholly lost must not pass. Parts with too few texts to tell pass otherwise: what they
    lose together counts in accuracy and macro F1. A class with an F1 of 0 before has nothing to lose: the sentence
    names it as not judged.
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


def on_unknown_training(checks: Sequence[Check], unknown: str) -> list[Check]:
    """Checks of accuracy as inconclusive, where a model may have been trained on the test texts.

    A loss on texts that the baseline has learnt by heart says as little as none. What is no number stays failed.

    Args:
        unknown: why that is not known, in words.
    """
    return [
        replace(check, verdict="inconclusive", why=f"{check.why}: not judged, since {unknown}", settled_by_texts=None)
        if check.verdict != "info" and math.isfinite(check.figure)
        else check
        for check in checks
    ]


def on_weak_baseline(checks: Sequence[Check], found: AgainstMajority) -> list[Check]:
    """Checks of accuracy where the baseline has not learnt more than which class is the most frequent.

    That nothing was lost against such a baseline says nothing. What was lost stays lost.
    """
    if found.has_learnt:
        return list(checks)
    because = f"not judged, since {against_majority_in_words(found)}: no other model can be judged by it"
    return [
        replace(check, verdict="inconclusive", why=f"{check.why}: {because}", settled_by_texts=None)
        if check.verdict in ("pass", "inconclusive")
        else check
        for check in checks
    ]


def against_majority_in_words(found: AgainstMajority) -> str:
    """That a baseline is not shown to be right more often than always the most frequent class, in a clause."""
    gain = found.gain_points
    interval = f"({100 * gain.confidence:.0f} % interval of the difference {gain.low:.2f} to {gain.high:.2f} points)"
    return (
        f"the baseline, right on {100 * found.accuracy:.1f} % of the texts, is not shown to be right more often than "
        f"always {found.name} is, with {100 * found.majority_accuracy:.1f} % {interval}"
    )


def _loss(figure: Figure, difference: Estimate, margin: float | None, texts_needed: Callable[[float], float]) -> Check:
    """A loss is a difference with its sign turned; 0.0 is added so that none is not written -0."""
    low, value, high = (-bound + 0.0 for bound in (difference.high, difference.value, difference.low))
    shown = (low, high) if value >= 0 or math.isnan(value) else (-high + 0.0, -low + 0.0)
    interval = f"({100 * difference.confidence:.0f} % interval {shown[0]:.2f} to {shown[1]:.2f})"
    told = replace(figure, value=value, tail=f"{interval} {figure.tail}")
    check = _loss_or_gain(told, margin, margin is None or low <= margin)
    check = replace(check, low=low, high=high)
    if margin is None or not math.isfinite(value) or high <= margin or low > margin:
        return check
    return undecided(check, texts_needed(margin))


def _slice_check(parts: Sequence[Slice], name: str, what: str, limit: float | None) -> Check:
    judged = [part for part in parts if part.before > 0] or parts
    over = [part for part in parts if limit is not None and part.drop_points > limit + _ROUNDING]
    suspicious = [part for part in over if _suspicious(part, parts)]
    verdict: Verdict = "pass" if limit is not None else "info"
    if any(part.adjusted_p <= _SIGNIFICANT for part in over):
        verdict = "fail"
    elif suspicious:
        verdict = "inconclusive"
    # What decides comes first, then what lost most.
    worst = min(
        over or judged, key=lambda part: (part not in suspicious, part.adjusted_p if over else 0, -part.drop_points)
    )
    tail = (
        f"on {count(worst.texts, 'text')} ({100 * worst.before:.1f} to {100 * worst.after:.1f} %; "
        f"{worst.to_wrong} turned wrong, {worst.to_right} turned right; p {worst.p:.3g}, and {worst.adjusted_p:.3g} "
        f"with all {count(len(parts), 'part')} looked at)"
    )
    figure = Figure(name, "accuracy", round(worst.drop_points, 9), "points", what, tail)
    told = _loss_or_gain(figure, limit, True, f"{worst.name}: ")
    few = ": too few texts to tell it from chance" if over and verdict in ("pass", "inconclusive") else ""
    return replace(told, verdict=verdict, why=told.why + few + _not_judged(parts, what))


def _not_judged(parts: Sequence[Slice], what: str) -> str:
    """A clause on parts that had nothing to lose; empty where there are none."""
    names = without_a_hit(parts)
    return f"; not judged, since their {what} was 0 before: {names}" if names else ""


def without_a_hit(parts: Sequence[Slice]) -> str:
    """Names of the parts of which the baseline has no text right, a few of many; empty where there are none."""
    names = [part.name for part in parts if part.before == 0]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _loss_or_gain(figure: Figure, limit: float | None, holds: bool, of: str = "") -> Check:
    """The check of a loss. One below zero is told as the gain that it is; figure and limit stay those of a loss.

    Args:
        figure: the loss; its label is what was lost.
        of: what the sentence starts with.
    """
    check = judge(replace(figure, label=f"{of}loss of {figure.label}"), limit, holds, "at most", "allowed")
    if not figure.value < 0:
        return check
    shown, _ = written(-figure.value, None, figure.unit)
    allowed = "" if limit is None else f", a loss of at most {written(limit, None, figure.unit)[0]} allowed"
    return replace(check, why=f"{of}gain of {figure.label} {shown} {figure.tail}{allowed}")


def _suspicious(part: Slice, parts: Sequence[Slice]) -> bool:
    """Whether its flips speak against chance as long as no other part is thought of, or are losses that stand out."""
    return part.p <= _SIGNIFICANT or _losses_stand_out(part, parts)


def _losses_stand_out(part: Slice, parts: Sequence[Slice]) -> bool:
    """Whether all flips are losses, and so many that the rate of the other parts would hardly bring them to any part.

    With a hundred classes and a few texts in a hundred that turn wrong, three losses fall to some class by chance.
    """
    others = sum(one.texts for one in parts) - part.texts
    if part.to_right or part.to_wrong < _LOSSES_ALONE or not others:
        return False
    expected = part.texts * (sum(one.to_wrong for one in parts) - part.to_wrong) / others
    fewer = sum(math.exp(-expected) * expected**number / math.factorial(number) for number in range(part.to_wrong))
    return len(parts) * (1 - fewer) <= _SIGNIFICANT
