"""Could two classifiers be exchanged? The exact randomisation test of the difference of two F1."""

from __future__ import annotations

import numpy as np
from scipy import stats

from .errors import ShapeError
from .types import BoolArray, FloatArray, IntArray

_ROUNDING = 1e-12
_NEVER = 1e-15


def f1_p(truth: BoolArray, first: BoolArray, second: BoolArray) -> float:
    """Two-sided p of a difference in F1 between two classifiers of the same texts.

    Were the two equally good, their answers could be exchanged text by text without anybody noticing: p is the share of
    all exchanges whose F1 lie at least as far apart as those found (A. Yeh, "More accurate tests for the statistical
    significance of result differences", COLING 2000, who samples them). An exchange changes F1 only through how many
    of the true and of the false positives that one of the two alone has fall to the first; both counts are
    binomial, so that all exchanges are counted here instead of some. McNemar's test looks at errors alone, and finds
    significance too where F1 falls though errors become fewer.

    Args:
        truth: (texts,) whether a text is of the class.
        first, second: (texts,) whether the classifier says so.

    Raises:
        ShapeError: if the three do not have one shape.
    """
    if not truth.shape == first.shape == second.shape:
        raise ShapeError(f"F1 cannot be compared over shapes {truth.shape}, {first.shape} and {second.shape}")
    positives = int(truth.sum())
    hits, hits_alone, hits_odds = _exchanges(first & truth, second & truth)
    alarms, alarms_alone, alarms_odds = _exchanges(first & ~truth, second & ~truth)
    both_hits, both_alarms = int((first & second & truth).sum()), int((first & second & ~truth).sum())

    def apart(hit: IntArray, alarm: IntArray) -> FloatArray:
        """|F1 - F1| if the first has so many of the lone hits and lone false alarms, and the second the others."""
        scores = []
        for more_hits, more_alarms in ((hit, alarm), (hits_alone - hit, alarms_alone - alarm)):
            right = both_hits + more_hits
            scores.append(2 * right / np.maximum(positives + right + both_alarms + more_alarms, 1))
        difference: FloatArray = np.abs(scores[0] - scores[1])
        return difference

    found = apart(np.array((first & ~second & truth).sum()), np.array((first & ~second & ~truth).sum()))
    as_far = apart(hits[:, None], alarms[None, :]) >= found - _ROUNDING
    return float(min(1.0, (as_far * hits_odds[:, None] * alarms_odds[None, :]).sum()))


def _exchanges(first: BoolArray, second: BoolArray) -> tuple[IntArray, int, FloatArray]:
    """How many of the texts that one alone has may fall to the first; all of them; the odds of each number.

    Numbers with odds below 1e-15 are left out, which keeps the table small for large test sets.
    """
    alone = int((first != second).sum())
    numbers = np.arange(alone + 1)
    odds = stats.binom.pmf(numbers, alone, 0.5)
    kept = odds >= min(_NEVER, odds.max())
    return numbers[kept], alone, odds[kept]
