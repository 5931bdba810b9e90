"""Seeded resampling and exact tests: how far a figure can be trusted.

Intervals are bootstrap percentile intervals: B. Efron and R. Tibshirani, "An Introduction to the Bootstrap" (1993),
chapter 13; for paired texts in language processing: P. Koehn, "Statistical Significance Tests for Machine Translation
Evaluation" (EMNLP 2004) and R. Dror et al., "The Hitchhiker's Guide to Testing Statistical Significance in Natural
Language Processing" (ACL 2018).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from .errors import ShapeError
from .types import FloatArray, IntArray

_MAX_VALUES_AT_ONCE = 4_000_000

Statistic = Callable[[IntArray], FloatArray]
"""Counts (resamples, cells) -> the figure of every resample (resamples,)."""


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval; `low <= value <= high`, all in the unit of `value`."""

    value: float
    low: float
    high: float
    confidence: float = 0.95

    @property
    def half_width(self) -> float:
        """Half the width of the interval, in the unit of `value`."""
        return (self.high - self.low) / 2


@dataclass(frozen=True)
class Ratio(Estimate):
    """A ratio of two quantities of one unit, hence without a unit."""


def paired_bootstrap(
    counts: npt.ArrayLike,
    statistic: Statistic,
    *,
    resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Percentile interval of a statistic of paired texts, given how many texts fall into each distinct outcome.

    A cell is one distinct outcome of a text under both models (for instance: label 2, baseline says 2, candidate says
    0). Drawing n texts with replacement and counting them is the same as one multinomial draw over the cells, so that
    memory depends on the number of cells and not on texts x resamples; both models are always counted on the same
    texts, which is what makes the resampling paired.

    Args:
        counts: (cells,) texts per cell, none negative, at least one text.
        statistic: figure of each row of (resamples, cells) counts.

    Raises:
        ShapeError: if counts is not a vector of counts with at least one text.
    """
    cells = np.asarray(counts, dtype=np.int64)
    if cells.ndim != 1 or cells.size == 0 or (cells < 0).any() or cells.sum() == 0:
        raise ShapeError("the bootstrap needs a vector of counts with at least one text")
    draws = np.concatenate([statistic(chunk) for chunk in _resampled_counts(cells, resamples, seed)])
    value = float(statistic(cells[np.newaxis])[0])
    return Estimate(value, *_percentile_interval(draws, value, confidence), confidence)


def ratio_of_medians(
    numerator: npt.ArrayLike,
    denominator: npt.ArrayLike,
    *,
    resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Ratio:
    """median(numerator) / median(denominator) of paired positive samples, with a bootstrap percentile interval.

    Pairs are drawn, not single samples, so that whatever slowed both members of a pair cancels (T. Kalibera and
    R. Jones, "Rigorous Benchmarking in Reasonable Time", ISMM 2013, give intervals of ratios of this kind for means).
    The interval is taken on the logarithm of the ratio, which makes swapping the two sides give the exact reciprocal.

    Args:
        numerator, denominator: (samples,) each, the same length, positive and finite.

    Raises:
        ShapeError: if the lengths differ, there are fewer than two pairs, or a sample is not positive and finite.
    """
    above, below = _positive_vector(numerator), _positive_vector(denominator)
    if above.shape != below.shape or above.size < 2:
        raise ShapeError(
            f"a ratio of medians needs two paired samples or more, got {above.size} against {below.size} samples"
        )
    log_ratio = float(_log_ratio_of_medians(above, below))
    result = stats.bootstrap(
        (above, below),
        _log_ratio_of_medians,
        paired=True,
        vectorized=True,
        n_resamples=resamples,
        batch=max(1, _MAX_VALUES_AT_ONCE // above.size),
        confidence_level=confidence,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    low, high = _percentile_interval(result.bootstrap_distribution, log_ratio, confidence)
    return Ratio(float(np.exp(log_ratio)), float(np.exp(low)), float(np.exp(high)), confidence)


def quantile_interval(samples: npt.ArrayLike, share: float, *, confidence: float = 0.9) -> Estimate:
    """A quantile of independent samples with an interval that holds for any distribution, between two of the samples.

    How many samples lie below the true quantile is binomial (W. Conover, "Practical Nonparametric Statistics", 1999,
    section 3.2). Where there are too few samples for one above, the upper limit is infinite.

    Args:
        samples: (samples,), at least one.
        share: 0.95 for the 95th percentile.

    Raises:
        ShapeError: if there is no sample.
    """
    ordered = np.sort(np.asarray(samples, dtype=np.float64))
    if ordered.ndim != 1 or not ordered.size:
        raise ShapeError("a quantile needs a vector of samples")
    below, tail = stats.binom(len(ordered), share), (1 - confidence) / 2
    # The k-th smallest sample is below the quantile if k samples or more are; probabilities of that fall with k.
    ranks = np.arange(1, len(ordered) + 1)
    surely_below, surely_above = ranks[below.sf(ranks - 1) >= 1 - tail], ranks[below.sf(ranks - 1) <= tail]
    low = ordered[surely_below[-1] - 1] if surely_below.size else -np.inf
    high = ordered[surely_above[0] - 1] if surely_above.size else np.inf
    value = float(np.quantile(ordered, share))
    return Estimate(value, min(float(low), value), max(float(high), value), confidence)


def share_interval(share: float, texts: int, *, confidence: float = 0.95) -> Estimate:
    """Wilson's interval of a share of `texts` (E. Wilson, Journal of the American Statistical Association 1927).

    Args:
        share: 0..1; what lies beyond is taken for the end.
        texts: at least one.
    """
    value = min(max(share, 0.0), 1.0)
    z = float(stats.norm.ppf((1 + confidence) / 2))
    middle = (value + z**2 / (2 * texts)) / (1 + z**2 / texts)
    half = z / (1 + z**2 / texts) * math.sqrt(value * (1 - value) / texts + z**2 / (4 * texts**2))
    return Estimate(value, max(min(middle - half, value), 0.0), min(max(middle + half, value), 1.0), confidence)


def quotient(above: Estimate, below: Estimate) -> Ratio:
    """above / below of two positive figures that were found independently of each other.

    The distances to their limits add up as independent ones do, by squares on the logarithm.
    """
    value = np.log(above.value) - np.log(below.value)
    up = np.hypot(np.log(above.high / above.value), np.log(below.value / below.low))
    down = np.hypot(np.log(above.value / above.low), np.log(below.high / below.value))
    low, high = float(np.exp(value - down)), float(np.exp(value + up))
    return Ratio(float(np.exp(value)), low, high, min(above.confidence, below.confidence))


def mcnemar_p(only_first_right: int, only_second_right: int) -> float:
    """Two-sided exact McNemar test: could two classifiers that err equally often differ on these texts by chance?

    Under the null hypothesis each text on which exactly one is right is a fair coin (Q. McNemar, Psychometrika 1947;
    recommended for one test set by T. Dietterich, Neural Computation 1998). Without such texts p is 1.

    Raises:
        ShapeError: if a count is negative.
    """
    if only_first_right < 0 or only_second_right < 0:
        raise ShapeError("McNemar's test needs counts that are not negative")
    discordant = only_first_right + only_second_right
    if discordant == 0:
        return 1.0
    return float(stats.binomtest(only_first_right, discordant, 0.5).pvalue)


def _resampled_counts(cells: IntArray, resamples: int, seed: int) -> Iterator[IntArray]:
    """Counts of resampled texts in chunks of (at most _MAX_VALUES_AT_ONCE / cells, cells)."""
    rng = np.random.default_rng(seed)
    texts = int(cells.sum())
    chunk = max(1, _MAX_VALUES_AT_ONCE // cells.size)
    for start in range(0, resamples, chunk):
        yield rng.multinomial(texts, cells / texts, size=min(chunk, resamples - start))


def _log_ratio_of_medians(above: FloatArray, below: FloatArray, axis: int = -1) -> FloatArray:
    return np.asarray(np.log(np.median(above, axis=axis)) - np.log(np.median(below, axis=axis)))


def _percentile_interval(draws: FloatArray, value: float, confidence: float) -> tuple[float, float]:
    """Percentiles of the draws, widened to the estimate itself where a biased statistic would leave it outside."""
    tail = 100.0 * (1.0 - confidence) / 2.0
    low, high = np.percentile(draws, [tail, 100.0 - tail])
    return min(float(low), value), max(float(high), value)


def _positive_vector(values: npt.ArrayLike) -> FloatArray:
    vector = np.asarray(values, dtype=np.float64)
    if vector.ndim != 1 or not np.isfinite(vector).all() or (vector <= 0).any():
        raise ShapeError("a ratio of medians needs vectors of positive, finite samples")
    return vector
