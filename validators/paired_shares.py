"""What the texts that one of two classifiers alone has right say about a loss, and what none of them leaves open.

A bootstrap draws only what it has seen: with few flips its interval is too narrow, and with none it is empty. The
limits here are those of tests that ask how likely the flips found would be if the loss were larger.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import optimize, stats

from .errors import ShapeError
from .statistics import Estimate
from .types import FloatArray


def score_statistic(
    to_wrong: npt.ArrayLike, to_right: npt.ArrayLike, texts: npt.ArrayLike, loss: npt.ArrayLike
) -> FloatArray:
    """How many standard deviations the loss found lies below a loss that is supposed to be true.

    The statistic of T. Tango, "Equivalence test and confidence interval for the difference in proportions for the
    paired-sample design", Statistics in Medicine 17, 1998: the deviation is that of the most likely shares of texts
    that turn wrong and right among all whose difference is the loss supposed. That is the larger root of a quadratic
    equation, his (A), (B) and (C).

    Args:
        to_wrong, to_right: texts that one of the two alone has right, not negative.
        texts: texts of both.
        loss: supposed, a share, -1..1.

    Returns:
        Positive where fewer texts were lost than supposed; 0 where nothing can be said.
    """
    wrong, right, number, share = (np.asarray(value, dtype=np.float64) for value in (to_wrong, to_right, texts, loss))
    spread = share * (1.0 - share)
    square, linear, constant = 2.0 * number, (2.0 * number - wrong + right) * share - wrong - right, -right * spread
    root = np.sqrt(np.maximum(linear**2 - 4.0 * square * constant, 0.0))
    turned_right = (root - linear) / (2.0 * square)
    variance = np.maximum(number * (2.0 * turned_right + spread), 0.0)
    distance = number * share - (wrong - right)
    return np.asarray(np.divide(distance, np.sqrt(variance), out=np.zeros_like(distance), where=variance > 0))


def score_interval(to_wrong: int, to_right: int, texts: int, confidence: float = 0.95) -> Estimate:
    """Gain of accuracy of the second of two classifiers, in points of 100, with Tango's score interval.

    It holds the losses that `score_statistic` does not reject. Without a flip that is 100 z² / (texts + z²) points on
    either side, the limit of E. Wilson (1927) for a share of which nothing was seen.

    Raises:
        ShapeError: if a count is negative, or there are more flips than texts.
    """
    if min(to_wrong, to_right) < 0 or texts < 1 or to_wrong + to_right > texts:
        raise ShapeError(f"{to_wrong} and {to_right} flips do not belong to {texts} texts")
    value = 100 * (to_right - to_wrong) / texts
    low = -100 * _largest_loss(to_wrong, to_right, texts, confidence)
    high = 100 * _largest_loss(to_right, to_wrong, texts, confidence)
    return Estimate(value, min(low, value), max(high, value), confidence)


def texts_to_tell(to_wrong: int, to_right: int, texts: int, loss: float, confidence: float = 0.95) -> float:
    """So many texts with the same shares of flips would reject a loss (a share): the statistic grows with their root.

    Infinite where no number would.
    """
    found = abs(float(score_statistic(to_wrong, to_right, texts, loss)))
    return texts * (_deviations(confidence) / found) ** 2 if found > 0 else np.inf


def largest_unseen_mean(texts: npt.ArrayLike, confidence: float = 0.975) -> float:
    """Largest mean over parts of the share of an event that was seen in none of their texts, 0..1.

    Of shares q of parts with n texts, those are possible under which no event at all has a probability, the product of
    (1 - q)^n, of 1 - confidence or more; the largest mean among them puts the events where texts are fewest. For one
    part it is 1 - (1 - confidence)^(1 / n), close to 3 / n at 95 %: J. Hanley and A. Lippman-Hand, "If Nothing Goes
    Wrong, Is Everything All Right?", JAMA 1983. The default is one side of a 95 % interval.

    Args:
        texts: (parts,) of each, at least one; need not be whole.

    Raises:
        ShapeError: without a part, or with one without texts.
    """
    parts = np.asarray(texts, dtype=np.float64)
    if parts.ndim != 1 or not parts.size or not (parts > 0).all():
        raise ShapeError("what was not seen needs parts with texts each")
    parts = np.sort(parts)
    # With x = -log(1 - q), the sum of n x is bounded, and at the optimum exp(-x) is in proportion to n, or x is 0:
    # the parts with the fewest texts take part, as many of them as have a positive x.
    logs, ranks = np.log(parts), np.arange(1, len(parts) + 1)
    level = (np.cumsum(parts * logs) - np.log(1.0 - confidence)) / np.cumsum(parts)
    last = int(ranks[level >= logs][-1]) - 1
    shares = 1.0 - np.exp(np.minimum(logs - level[last], 0.0))
    return float(shares.mean())


def _largest_loss(lost: int, won: int, texts: int, confidence: float) -> float:
    """The largest loss, a share, that is not rejected: where the statistic reaches the deviations asked."""
    deviations, found = _deviations(confidence), (lost - won) / texts
    if found >= 1.0:
        return 1.0

    def short(loss: float) -> float:
        return float(score_statistic(lost, won, texts, loss)) - deviations

    almost = 1.0 - 1e-12
    return almost if short(almost) <= 0 else float(optimize.brentq(short, found, almost, xtol=1e-12))


def _deviations(confidence: float) -> float:
    return float(stats.norm.ppf((1.0 + confidence) / 2.0))
