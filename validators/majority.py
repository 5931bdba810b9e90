"""Has a classifier learnt more than which class is the most frequent? If not, it is no measure for another one.

Said of every text, the most frequent class is right as often as it occurs: that accuracy needs no model. A classifier
may give some of it away to find rare classes, so the mean recall of the classes counts too: always one class, or any
class at random, reaches one divided by the number of classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from .accuracy import checked, predict
from .paired_shares import score_interval
from .statistics import Estimate

# Of the way from chance to all right, a baseline that is no more accurate than a class has to go so much.
_LEAST_OF_RECALL = 0.1


@dataclass(frozen=True)
class AgainstMajority:
    """A classifier against always the most frequent class of the same texts.

    Attributes:
        name: of that class.
        accuracy, majority_accuracy: shares, 0..1.
        gain_points: accuracy of the classifier less that of the class, in points of 100, with a 95 % interval
            (`paired_shares.score_interval`).
        recall_points: mean recall of the classes that occur, less one divided by their number, with a 95 % interval.
        recall_needed_points: what the whole of that interval has to be above: a tenth of what there is to learn.
    """

    name: str
    accuracy: float
    majority_accuracy: float
    gain_points: Estimate
    recall_points: Estimate
    recall_needed_points: float

    @property
    def is_more_accurate(self) -> bool:
        """Whether the whole interval says that it is right more often."""
        return self.gain_points.low > 0

    @property
    def has_learnt(self) -> bool:
        """Whether it is right more often, or finds the classes clearly better than answers that ignore the text."""
        return self.is_more_accurate or self.recall_points.low > self.recall_needed_points


def against_majority(labels: npt.ArrayLike, logits: npt.ArrayLike, class_names: Sequence[str]) -> AgainstMajority:
    """Compare a classifier with always the most frequent class.

    Args:
        labels: (texts,) integers, indices into `class_names`.
        logits: (texts, classes).
        class_names: (classes,).

    Raises:
        ShapeError: if these do not belong together.

    Example:
        >>> found = against_majority([0, 0, 1], [[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]], ["sport", "state"])
        >>> found.name, found.gain_points.value, found.has_learnt
        ('sport', 0.0, False)
    """
    scores, truth = checked(labels, logits)
    majority = int(np.bincount(truth).argmax())
    of_class, right = truth == majority, predict(scores) == truth
    by_class = [right[truth == index] for index in np.unique(truth)]
    gain = score_interval(int((of_class & ~right).sum()), int((right & ~of_class).sum()), len(truth))
    return AgainstMajority(
        class_names[majority],
        float(right.mean()),
        float(of_class.mean()),
        gain,
        _recall_over_chance(by_class),
        100 * _LEAST_OF_RECALL * (1 - 1 / len(by_class)),
    )


def _recall_over_chance(right: Sequence[npt.NDArray[np.bool_]], confidence: float = 0.95) -> Estimate:
    """By class, which texts are right. Two right and two wrong texts are added to each class for its variance.

    A. Agresti and B. Coull, "Approximate Is Better than 'Exact' for Interval Estimation of Binomial Proportions", The
    American Statistician 1998. A class of which all texts are wrong would have no variance else.
    """
    texts = np.array([len(one) for one in right]) + 4.0
    smoothed = (np.array([one.sum() for one in right]) + 2.0) / texts
    width = stats.norm.ppf((1 + confidence) / 2) * np.sqrt((smoothed * (1 - smoothed) / texts).sum()) / len(right)
    value = float(np.mean([one.mean() for one in right])) - 1 / len(right)
    return Estimate(100 * value, 100 * (value - float(width)), 100 * (value + float(width)), confidence)
