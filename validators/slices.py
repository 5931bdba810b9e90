"""Where a candidate lost: every class, and texts of every length, against the baseline.

An average hides a class that broke. Looking at many parts finds losses by chance, though: each part has an exact test
of its own, and its p is adjusted for the number of parts (S. Holm, "A Simple Sequentially Rejective Multiple Test
Procedure", Scandinavian Journal of Statistics 1979).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from .accuracy import checked, predict
from .errors import ShapeError
from .exchange import f1_p
from .statistics import mcnemar_p
from .types import BoolArray, IntArray

_SHORTEST = 8


@dataclass(frozen=True)
class Slice:
    """A class or a range of lengths under both models.

    Attributes:
        kind: "class" or "length".
        name: of the class, or such as "9 to 16 tokens".
        texts: of a class, those that have it for a label; of a length, those that are so long.
        before, after: of a class, its F1, 0..1; of a length, the accuracy on its texts; baseline and candidate.
        to_wrong, to_right: texts that one model has right and the other has not. For a class that is whether the text
            is said to be of the class, rightly, so that both what it misses and what it takes from others count.
        p: could the two models be exchanged? For a class the randomisation test of F1, for a length McNemar's test.
        adjusted_p: the same, given how many slices of this kind were looked at.
    """

    kind: Literal["class", "length"]
    name: str
    texts: int
    before: float
    after: float
    to_wrong: int
    to_right: int
    p: float
    adjusted_p: float

    @property
    def drop_points(self) -> float:
        """What was lost, in points of 100; negative for a gain."""
        return 100 * (self.before - self.after)


def class_slices(
    labels: npt.ArrayLike, baseline: npt.ArrayLike, candidate: npt.ArrayLike, names: Sequence[str]
) -> list[Slice]:
    """Every class that occurs among the labels.

    Args:
        labels: (texts,) integers, indices into `names`.
        baseline, candidate: (texts, classes) logits.
        names: (classes,) of the classes.

    Raises:
        ShapeError: if these do not belong together.
    """
    return class_slices_of_predictions(*_predictions(labels, baseline, candidate), names)


def class_slices_of_predictions(
    truth: IntArray, before: IntArray, after: IntArray, names: Sequence[str]
) -> list[Slice]:
    """The same of predicted classes, (texts,) each."""
    found = []
    for index in np.unique(truth):
        is_class = truth == index
        first, second = (before == index), (after == index)
        right_before, right_after = first == is_class, second == is_class
        scores = (_f1(is_class, first), _f1(is_class, second))
        flips = _flips(right_before, right_after)
        p = f1_p(is_class, first, second)
        found.append(Slice("class", names[index], int(is_class.sum()), *scores, *flips, p, p))
    return _adjusted(found)


def length_slices(
    labels: npt.ArrayLike, baseline: npt.ArrayLike, candidate: npt.ArrayLike, lengths: Sequence[int]
) -> list[Slice]:
    """Texts of up to 8 tokens, of 9 to 16, of 17 to 32 and so on; ranges without a text are left out.

    Args:
        lengths: (texts,) tokens of every text.

    Raises:
        ShapeError: if these do not belong together.
    """
    truth, before, after = _predictions(labels, baseline, candidate)
    tokens = np.asarray(lengths)
    if tokens.shape != truth.shape:
        raise ShapeError(f"{len(truth)} texts need as many lengths, got {tokens.shape}")
    found, least, most = [], 0, _SHORTEST
    while least < tokens.max(initial=0):
        chosen = (tokens > least) & (tokens <= most)
        if chosen.any():
            right_before, right_after = (before == truth)[chosen], (after == truth)[chosen]
            name = f"up to {most} tokens" if least == 0 else f"{least + 1} to {most} tokens"
            scores = (float(right_before.mean()), float(right_after.mean()))
            flips = _flips(right_before, right_after)
            p = mcnemar_p(*flips)
            found.append(Slice("length", name, int(chosen.sum()), *scores, *flips, p, p))
        least, most = most, 2 * most
    return _adjusted(found)


def _predictions(
    labels: npt.ArrayLike, baseline: npt.ArrayLike, candidate: npt.ArrayLike
) -> tuple[IntArray, IntArray, IntArray]:
    (first, truth), (second, _) = checked(labels, baseline), checked(labels, candidate)
    if first.shape != second.shape:
        raise ShapeError(f"baseline logits are {first.shape}, candidate logits {second.shape}")
    return truth, predict(first), predict(second)


def _f1(truth: BoolArray, said: BoolArray) -> float:
    """2 TP / (labelled + said) of a class that occurs."""
    return float(2 * (truth & said).sum() / (truth.sum() + said.sum()))


def _flips(right_before: BoolArray, right_after: BoolArray) -> tuple[int, int]:
    """Texts that turned wrong, and right."""
    return int((right_before & ~right_after).sum()), int((~right_before & right_after).sum())


def _adjusted(found: Sequence[Slice]) -> list[Slice]:
    """With Holm's p: the smallest counts for all of them, the next for all but one, and none below its predecessor."""
    adjusted, least = list(found), 0.0
    for rank, index in enumerate(sorted(range(len(found)), key=lambda index: found[index].p)):
        least = max(least, min(1.0, (len(found) - rank) * found[index].p))
        adjusted[index] = replace(found[index], adjusted_p=least)
    return adjusted
