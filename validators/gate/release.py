"""Is a new export worse than the one that is released? The same questions, with the release in the baseline's place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from .accuracy import accuracy_checks, slice_checks
from .check import Check, Figure, at_most, span
from .thresholds import Thresholds

if TYPE_CHECKING:
    from ..accuracy import PairedAccuracy
    from ..slices import Slice
    from ..statistics import Ratio


def release_accuracy_checks(result: PairedAccuracy, slices: Sequence[Slice], thresholds: Thresholds) -> list[Check]:
    """Checks of accuracy, macro F1 and classes, where release and candidate answered the same texts."""
    found = [*accuracy_checks(result, thresholds), *slice_checks(slices, thresholds)]
    return [replace(check, group="release") for check in found if check.verdict != "info"]


def slowdown_check(found: Ratio, thresholds: Thresholds, *, beside: bool = False, unlike: Sequence[str] = ()) -> Check:
    """Pass if all of the interval is allowed, fail if none of it is, inconclusive in between.

    Args:
        found: times as long as the release, each in units of the baseline that was timed beside it.
        beside: it was the release itself that was timed beside the export.
        unlike: what differs in how the two were measured; with any, the figure says nothing about the export.
    """
    limit = thresholds.max_slowdown
    how = "timed side by side " if beside else ""
    tail = f"{how}({100 * found.confidence:.3g} % interval {span(found.low, found.high, '.2f')})"
    check = at_most(Figure("slowdown", "release", found.value, "x", "time of the release's", tail), limit)
    check = replace(check, low=found.low, high=found.high)
    if limit is None:
        return check
    if unlike:
        why = f"{check.why}: nothing follows, since the release was measured with {', '.join(unlike)}"
        return replace(check, verdict="inconclusive", why=why)
    if found.low <= limit < found.high:
        return replace(check, verdict="inconclusive", why=f"{check.why}: this machine cannot tell")
    return replace(check, verdict="pass" if found.high <= limit else "fail")


def growth_check(before_bytes: int, after_bytes: int, thresholds: Thresholds) -> Check:
    """Check of the size of the weights' files."""
    tail = f"({after_bytes:,} bytes, {before_bytes:,} before)"
    return at_most(
        Figure("growth", "release", after_bytes / before_bytes, "x", "size of the release's", tail),
        thresholds.max_growth,
    )


def rows_check(same_rows: bool, same_classes: bool) -> Check:
    """Whether the release was judged on the same texts, which is what makes a comparison text by text possible."""
    wrong = [word for word, same in (("texts", same_rows), ("classes", same_classes)) if not same]
    if not wrong:
        return Check("texts", "release", "pass", 0, 0, "differences", "the release was judged on the same texts")
    why = f"the release was judged on other {' and '.join(wrong)}: its accuracy cannot be compared"
    return Check("texts", "release", "inconclusive", len(wrong), 0, "differences", why)
