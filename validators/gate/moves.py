"""What of a new export got better or worse than the release, where nothing is asked of it: told, and not judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from .check import Check, count, span, written

if TYPE_CHECKING:
    from ..statistics import Estimate


@dataclass(frozen=True)
class Move:
    """A figure of both verdicts; one without noise has no width."""

    name: str
    label: str
    unit: str
    before: Estimate
    after: Estimate
    more_is_better: bool = False

    @property
    def word(self) -> Literal["better", "worse", "the same"]:
        """By the intervals: while they overlap, nothing is known to have moved."""
        if self.after.low > self.before.high:
            return "better" if self.more_is_better else "worse"
        if self.after.high < self.before.low:
            return "worse" if self.more_is_better else "better"
        return "the same"


def move_check(move: Move) -> Check:
    """A sentence with both figures; "info", since nothing is asked."""
    now, then = written(move.after.value, move.before.value, move.unit)
    spans = ", ".join(_span(word, one) for word, one in (("now", move.after), ("then", move.before)))
    why = f"{move.label} {now}, {then} of the release ({spans}): {move.word}"
    return Check(move.name, "release", "info", move.after.value, None, move.unit, why)


def worse_check(judged: Sequence[Check], moves: Sequence[Move]) -> Check:
    """What got worse, in one sentence: checks that failed, and figures that moved."""
    names = [check.name for check in judged if check.verdict == "fail"]
    names += [f"{move.label} (nothing is asked of it)" for move in moves if move.word == "worse"]
    why = f"worse than the release: {', '.join(names)}" if names else "nothing is known to be worse than the release"
    return Check("worse", "release", "info", len(names), None, "figures", why)


def words_check(name: str, label: str, before: str, after: str) -> Check:
    """A word of both verdicts that is neither better nor worse."""
    same = before == after
    why = f"{label} {after}, as the release" if same else f"{label} {after}, {before} of the release"
    return Check(name, "release", "info", 0 if same else 1, None, "differences", why)


def own_verdict_check(verdict: str, checks: Sequence[str]) -> Check:
    """Whether the release had passed itself: to be no worse than what failed says little."""
    failed = f" ({count(len(checks), 'check')}: {', '.join(checks)})" if checks else ""
    why = f"the release's own verdict was {verdict}{failed}"
    return Check("own_verdict", "release", "info", 0 if verdict == "pass" else 1, None, "differences", why)


def _span(word: str, one: Estimate) -> str:
    return f"{word} exactly" if one.low == one.high else f"{word} {span(one.low, one.high, '.4g')}"
