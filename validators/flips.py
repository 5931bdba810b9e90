"""The texts on which two models differ: what a release changes for its users, one by one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .accuracy import checked
from .errors import ShapeError
from .types import FloatArray


@dataclass(frozen=True)
class Flip:
    """One text that changes its label.

    Attributes:
        index: of the text.
        label: what its author said.
        before, after: what baseline and candidate say.
        margin_before, margin_after: by how much, as the highest logit less the second; NaN where logits are.
    """

    index: int
    label: int
    before: int
    after: int
    margin_before: float
    margin_after: float


def flips(labels: npt.ArrayLike, baseline: npt.ArrayLike, candidate: npt.ArrayLike) -> list[Flip]:
    """All texts to which the two give different labels: those that turned wrong first, then by the candidate's margin.

    Args:
        labels: (texts,) integers.
        baseline, candidate: (texts, classes) logits.

    Raises:
        ShapeError: if these do not belong together.
    """
    (first, truth), (second, _) = checked(labels, baseline), checked(labels, candidate)
    if first.shape != second.shape:
        raise ShapeError(f"baseline logits are {first.shape}, candidate logits {second.shape}")
    before, after = first.argmax(1), second.argmax(1)
    margins = _margins(first), _margins(second)
    found = [
        Flip(
            int(index),
            int(truth[index]),
            int(before[index]),
            int(after[index]),
            float(margins[0][index]),
            float(margins[1][index]),
        )
        for index in np.flatnonzero(before != after)
    ]
    return sorted(found, key=lambda flip: (_kind(flip), -flip.margin_after, flip.index))


def _kind(flip: Flip) -> int:
    return 0 if flip.before == flip.label else 2 if flip.after == flip.label else 1


def _margins(logits: FloatArray) -> FloatArray:
    """(texts, classes) -> (texts,) highest less second."""
    highest = np.sort(logits, axis=1)
    return np.asarray(highest[:, -1] - highest[:, -2])
