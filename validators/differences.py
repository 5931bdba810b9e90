"""What a candidate gains against its baseline in accuracy and in macro F1, with limits that hold where flips are rare.

Of accuracy the interval is the wider of the bootstrap's and Tango's, on either side. Of macro F1 it is the bootstrap's,
widened by what the texts of every class leave unseen: a class of ten texts may lose much that none of the ten shows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .paired_shares import largest_unseen_mean, score_interval
from .statistics import Estimate, paired_bootstrap
from .types import FloatArray, IntArray

_MOST_TIMES, _HALVINGS = 1e6, 60


def accuracy_difference(to_wrong: int, to_right: int, texts: int, *, resamples: int, seed: int) -> Estimate:
    """Gain of accuracy, in points of 100, from the texts that one of the two alone has right."""

    def points(counts: IntArray) -> FloatArray:
        # Whole texts first, one division last: 1 of 100 texts must be 1.0 points and not 1.0000000000000009.
        return np.asarray(100 * (counts[:, 1] - counts[:, 0]) / texts, dtype=np.float64)

    drawn = paired_bootstrap([to_wrong, to_right, texts - to_wrong - to_right], points, resamples=resamples, seed=seed)
    score = score_interval(to_wrong, to_right, texts)
    return Estimate(drawn.value, min(drawn.low, score.low), max(drawn.high, score.high), drawn.confidence)


def macro_f1_difference(cells: IntArray, counts: IntArray, *, resamples: int, seed: int) -> Estimate:
    """Gain of macro F1, in points of 100.

    Args:
        cells: (cells, 3) label, baseline's and candidate's class of every distinct outcome.
        counts: (cells,) texts of each.
    """
    truth, baseline, candidate = cells.T

    def points(drawn: IntArray) -> FloatArray:
        return 100.0 * (_macro_f1(drawn, truth, candidate) - _macro_f1(drawn, truth, baseline))

    found = paired_bootstrap(counts, points, resamples=resamples, seed=seed)
    texts_by_class = [counts[truth == index].sum() for index in np.unique(truth)]
    unseen = 100.0 * largest_unseen_mean(texts_by_class)
    low = found.value - widened(found.value - found.low, unseen)
    high = found.value + widened(found.high - found.value, unseen)
    return Estimate(found.value, max(low, -100.0), min(high, 100.0), found.confidence)


def texts_for_macro_f1(found: Estimate, texts_by_class: Sequence[int], margin_points: float) -> float:
    """How many texts could tell a loss of macro F1 from the margin, if classes kept their shares and texts their flips.

    Infinite where no number could.
    """
    texts = np.array(texts_by_class, dtype=np.float64)
    gap, distance = abs(margin_points + found.value), towards(found, -margin_points)
    # `widened` solved for the bootstrap's own distance, which shrinks with the root of the texts.
    drawn = np.sqrt(max(distance**2 - distance * 100 * largest_unseen_mean(texts), 0.0))

    def too_far(times: float) -> bool:
        return widened(drawn / np.sqrt(times), 100 * largest_unseen_mean(texts * times)) > gap

    low, high = 1.0, _MOST_TIMES
    if not gap > 0 or too_far(high):
        return np.inf
    for _ in range(_HALVINGS):
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if too_far(middle) else (low, middle)
    return float(texts.sum() * high)


def macro_f1_of(truth: IntArray, said: IntArray, counts: IntArray) -> float:
    """Macro F1, 0..1, of a classifier that says `said` (cells,) of `counts` texts with the labels `truth`."""
    return float(_macro_f1(counts[np.newaxis], truth, said)[0])


def widened(distance: float, unseen: float) -> float:
    """How far a limit lies from its figure, if the bootstrap puts it at `distance`, and no flip at all at `unseen`.

    As in the interval of E. Wilson (1927), whose upper limit for a rare event seen k times lies z²/2 + sqrt(z² k +
    z⁴/4) above k: that is z² where there is none, and little more than the bootstrap's z sqrt(k) where there are many.
    """
    return float(unseen / 2 + np.hypot(distance, unseen / 2))


def towards(found: Estimate, bound: float) -> float:
    """How far the interval reaches on the side of the bound."""
    return found.value - found.low if bound <= found.value else found.high - found.value


def _macro_f1(counts: IntArray, truth: IntArray, said: IntArray) -> FloatArray:
    """Macro F1 of every resample, over the classes that occur among its labels.

    Args:
        counts: (resamples, cells) texts per cell.
        truth, said: (cells,) the cell's label, and the class that the classifier says.

    Returns:
        (resamples,) mean over classes of 2 TP / (labelled + predicted), 0..1.
    """
    classes, weights = np.unique(truth), counts.astype(np.float64)
    is_truth, is_said = truth[:, np.newaxis] == classes, said[:, np.newaxis] == classes
    labelled = weights @ is_truth
    hits, predicted = weights @ (is_truth & is_said), weights @ is_said
    present = labelled > 0
    f1 = np.where(present, 2.0 * hits / np.where(present, labelled + predicted, 1.0), 0.0)
    return np.asarray(f1.sum(axis=1) / present.sum(axis=1), dtype=np.float64)
