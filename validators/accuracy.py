"""How often a classifier is right, and whether a candidate is right as often as its baseline on the same texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from sklearn.metrics import accuracy_score, f1_score

from .errors import ShapeError
from .statistics import Estimate, Statistic, largest_unseen_share, mcnemar_p, paired_bootstrap
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
        accuracy_difference_points: candidate minus baseline, in points of 100, with a 95 % interval: that of the
            bootstrap, but never narrower on either side than what seeing no flip at all in this many texts would leave
            possible (`statistics.largest_unseen_share`), because a bootstrap cannot draw what it has not seen.
        macro_f1_difference_points: the same for macro F1.
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
    accuracy, macro_f1 = (
        _widened(paired_bootstrap(counts, statistic(cells), resamples=resamples, seed=seed), len(truth))
        for statistic in (_accuracy_difference, _macro_f1_difference)
    )
    present = np.unique(truth)
    to_wrong = int(((baseline == truth) & (candidate != truth)).sum())
    to_right = int(((baseline != truth) & (candidate == truth)).sum())
    return PairedAccuracy(
        texts=len(truth),
        baseline_accuracy=float(accuracy_score(truth, baseline)),
        candidate_accuracy=float(accuracy_score(truth, candidate)),
        baseline_macro_f1=float(f1_score(truth, baseline, labels=present, average="macro", zero_division=0)),
        candidate_macro_f1=float(f1_score(truth, candidate, labels=present, average="macro", zero_division=0)),
        accuracy_difference_points=accuracy,
        macro_f1_difference_points=macro_f1,
        flipped_to_wrong=to_wrong,
        flipped_to_right=to_right,
        mcnemar_p=mcnemar_p(to_wrong, to_right),
        resolvable_points=accuracy.half_width,
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


def _widened(found: Estimate, texts: int) -> Estimate:
    """No narrower on either side than what this many texts without a flip leave possible."""
    unseen = 100.0 * largest_unseen_share(texts)
    return replace(found, low=min(found.low, found.value - unseen), high=max(found.high, found.value + unseen))


def _accuracy_difference(cells: IntArray) -> Statistic:
    """Accuracy difference in points, from counts of `cells`: (cells, 3) of label, baseline and candidate class."""
    truth, baseline, candidate = cells.T
    gain = (candidate == truth).astype(np.int64) - (baseline == truth)

    def statistic(counts: IntArray) -> FloatArray:
        # Whole texts first, one division last: 1 of 100 texts must be 1.0 points and not 1.0000000000000009.
        return np.asarray(100 * (counts @ gain) / counts.sum(axis=1), dtype=np.float64)

    return statistic


def _macro_f1_difference(cells: IntArray) -> Statistic:
    """Macro F1 difference in points, from counts of `cells`: (cells, 3) of label, baseline and candidate class."""
    truth, baseline, candidate = cells.T
    classes = np.unique(truth)
    is_truth = truth[:, np.newaxis] == classes
    said_by_baseline, said_by_candidate = baseline[:, np.newaxis] == classes, candidate[:, np.newaxis] == classes

    def statistic(counts: IntArray) -> FloatArray:
        weights = counts.astype(np.float64)
        before = _macro_f1(weights, is_truth, said_by_baseline)
        after = _macro_f1(weights, is_truth, said_by_candidate)
        return 100.0 * (after - before)

    return statistic


def _macro_f1(weights: FloatArray, is_truth: npt.NDArray[np.bool_], said: npt.NDArray[np.bool_]) -> FloatArray:
    """Macro F1 of every resample, over the classes that occur among its labels.

    Args:
        weights: (resamples, cells) texts per cell.
        is_truth, said: (cells, classes) whether the cell's label, and its predicted class, is this class.

    Returns:
        (resamples,) mean over classes of 2 TP / (labelled + predicted), 0..1.
    """
    labelled = weights @ is_truth
    hits, predicted = weights @ (is_truth & said), weights @ said
    present = labelled > 0
    f1 = np.where(present, 2.0 * hits / np.where(present, labelled + predicted, 1.0), 0.0)
    return np.asarray(f1.sum(axis=1) / present.sum(axis=1), dtype=np.float64)
