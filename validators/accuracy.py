"""How often a classifier is right, and whether a candidate is right as often as its baseline on the same texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.metrics import accuracy_score, f1_score

from .differences import accuracy_difference, macro_f1_difference, macro_f1_of, texts_for_macro_f1, towards
from .errors import ShapeError
from .paired_shares import texts_to_tell
from .statistics import Estimate, mcnemar_p
from .types import FloatArray, IntArray

_NO_CLASS = -1


@dataclass(frozen=True)
class AccuracyResult:
    """Accuracy of one classifier.

    Attributes:
        texts: texts scored.
        accuracy: share (0..1) of texts whose highest logit is at their label.
        macro_f1: unweighted mean (0..1) of the F1 of the classes that occur among the labels.
        f1_by_class: F1 (0..1) of those classes; a class without a labelled text has no F1 and is left out.
        texts_by_class: labelled texts of every class, also of those with none.
        non_finite_texts: texts with a NaN or infinite logit; each counts as wrong.
    """

    texts: int
    accuracy: float
    macro_f1: float
    f1_by_class: dict[str, float]
    texts_by_class: dict[str, int]
    non_finite_texts: int


@dataclass(frozen=True)
class PairedAccuracy:
    """A candidate against a baseline on the same texts; a positive difference means that the candidate is better.

    Attributes:
        texts: texts compared.
        baseline_accuracy, candidate_accuracy, baseline_macro_f1, candidate_macro_f1: shares, 0..1.
        accuracy_difference_points: candidate minus baseline, in points of 100, with a 95 % interval: on either side
            the wider of the bootstrap's and Tango's (`paired_shares.score_interval`), because a bootstrap cannot draw
            what it has not seen, and with few flips is too narrow.
        macro_f1_difference_points: the same for macro F1; the bootstrap's interval, widened by what the texts of every
            class leave unseen (`differences.widened`).
        texts_by_class: texts of every class that occurs among the labels.
        flipped_to_wrong: texts that only the baseline has right.
        flipped_to_right: texts that only the candidate has right.
        mcnemar_p: two-sided exact McNemar p of those two counts.
        resolvable_points: the smallest difference in accuracy, in points of 100, that this many texts can tell from
            none: half the width of the interval.
    """

    texts: int
    baseline_accuracy: float
    candidate_accuracy: float
    baseline_macro_f1: float
    candidate_macro_f1: float
    accuracy_difference_points: Estimate
    macro_f1_difference_points: Estimate
    flipped_to_wrong: int
    flipped_to_right: int
    mcnemar_p: float
    resolvable_points: float
    texts_by_class: tuple[int, ...]

    def texts_for_accuracy(self, margin_points: float) -> float:
        """How many texts could tell the loss of accuracy from the margin, if texts flipped as often as they did.

        Infinite where no number could.
        """
        found = self.accuracy_difference_points
        gap = abs(margin_points + found.value)
        if not gap > 0:
            return np.inf
        by_score = texts_to_tell(self.flipped_to_wrong, self.flipped_to_right, self.texts, margin_points / 100)
        # Where the bootstrap's interval is the wider one, it is that which shrinks with the root of the texts.
        return by_score if by_score > self.texts else self.texts * (towards(found, -margin_points) / gap) ** 2

    def texts_for_macro_f1(self, margin_points: float) -> float:
        """The same for macro F1: classes keep their shares, and what they leave unseen shrinks with their texts."""
        return texts_for_macro_f1(self.macro_f1_difference_points, self.texts_by_class, margin_points)


def score(labels: npt.ArrayLike, logits: npt.ArrayLike, class_names: Sequence[str]) -> AccuracyResult:
    """Score the logits of a classifier against labels.

    Args:
        labels: (texts,) integers, indices into class_names.
        logits: (texts, classes).
        class_names: (classes,) distinct names.

    Raises:
        ShapeError: if these do not belong together, or there is no text.
    """
    scores, truth = checked(labels, logits)
    if len(class_names) != scores.shape[1] or len(set(class_names)) != len(class_names):
        raise ShapeError(f"{scores.shape[1]} classes need as many distinct names, got {list(class_names)}")
    predicted = predict(scores)
    present = np.unique(truth)
    f1 = f1_score(truth, predicted, labels=present, average=None, zero_division=0)
    texts_by_class = np.bincount(truth, minlength=len(class_names))
    return AccuracyResult(
        texts=len(truth),
        accuracy=float(accuracy_score(truth, predicted)),
        macro_f1=float(np.mean(f1)),
        f1_by_class={class_names[index]: float(value) for index, value in zip(present, f1, strict=True)},
        texts_by_class={name: int(texts_by_class[index]) for index, name in enumerate(class_names)},
        non_finite_texts=int((predicted == _NO_CLASS).sum()),
    )


def compare(
    labels: npt.ArrayLike,
    baseline_logits: npt.ArrayLike,
    candidate_logits: npt.ArrayLike,
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> PairedAccuracy:
    """Compare two classifiers on the same labelled texts: differences with paired bootstrap intervals, exact McNemar.

    Args:
        labels: (texts,) integers.
        baseline_logits, candidate_logits: (texts, classes) each, the same shape.
        resamples: bootstrap resamples.
        seed: of the bootstrap; the same seed gives the same intervals.

    Raises:
        ShapeError: if these do not belong together, or there is no text.
    """
    baseline_scores, truth = checked(labels, baseline_logits)
    candidate_scores, _ = checked(labels, candidate_logits)
    if baseline_scores.shape != candidate_scores.shape:
        raise ShapeError(f"baseline logits are {baseline_scores.shape}, candidate logits {candidate_scores.shape}")
    predictions = predict(baseline_scores), predict(candidate_scores)
    return compare_predictions(truth, *predictions, resamples=resamples, seed=seed)


def compare_predictions(
    truth: IntArray, baseline: IntArray, candidate: IntArray, *, resamples: int = 2000, seed: int = 0
) -> PairedAccuracy:
    """The same of predicted classes, (texts,) each; -1 is no class at all.

    Raises:
        ShapeError: if there are not as many of each, or there is no text.
    """
    if not truth.shape == baseline.shape == candidate.shape or truth.ndim != 1 or not truth.size:
        raise ShapeError(f"labels {truth.shape} and predictions {baseline.shape}, {candidate.shape} must be as many")
    cells, counts = np.unique(np.stack([truth, baseline, candidate], axis=1), axis=0, return_counts=True)
    to_wrong = int(((baseline == truth) & (candidate != truth)).sum())
    to_right = int(((baseline != truth) & (candidate == truth)).sum())
    accuracy = accuracy_difference(to_wrong, to_right, len(truth), resamples=resamples, seed=seed)
    return PairedAccuracy(
        texts=len(truth),
        baseline_accuracy=float((baseline == truth).mean()),
        candidate_accuracy=float((candidate == truth).mean()),
        baseline_macro_f1=macro_f1_of(cells[:, 0], cells[:, 1], counts),
        candidate_macro_f1=macro_f1_of(cells[:, 0], cells[:, 2], counts),
        accuracy_difference_points=accuracy,
        macro_f1_difference_points=macro_f1_difference(cells, counts, resamples=resamples, seed=seed),
        flipped_to_wrong=to_wrong,
        flipped_to_right=to_right,
        mcnemar_p=mcnemar_p(to_wrong, to_right),
        resolvable_points=accuracy.half_width,
        texts_by_class=tuple(int(texts) for texts in np.unique(truth, return_counts=True)[1]),
    )


def checked(labels: npt.ArrayLike, logits: npt.ArrayLike) -> tuple[FloatArray, IntArray]:
    """Logits (texts, classes) and labels (texts,) that belong together.

    Raises:
        ShapeError: if they do not.
    """
    scores, truth = np.asarray(logits, dtype=np.float64), np.asarray(labels)
    if scores.ndim != 2 or scores.shape[0] < 1 or scores.shape[1] < 2:
        raise ShapeError(f"logits must be (texts, classes) with two classes or more, got {scores.shape}")
    if truth.shape != (scores.shape[0],) or not np.issubdtype(truth.dtype, np.integer):
        raise ShapeError(f"{scores.shape[0]} texts need as many integer labels, got {truth.dtype} {truth.shape}")
    if truth.min() < 0 or truth.max() >= scores.shape[1]:
        raise ShapeError(f"labels must lie in 0..{scores.shape[1] - 1}, got {truth.min()}..{truth.max()}")
    return scores, truth.astype(np.int64)


def predict(scores: FloatArray) -> IntArray:
    """(texts, classes) -> (texts,) the highest class, or _NO_CLASS where a logit is not finite."""
    return np.where(np.isfinite(scores).all(axis=1), scores.argmax(axis=1), _NO_CLASS)
