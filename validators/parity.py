"""Does the export compute what its source computes? Logits against logits, on the same texts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax
from scipy.stats import beta

from .errors import ShapeError
from .types import FloatArray

_WORST_TEXTS = 10
_MOST_TEXTS = 1 << 30


@dataclass(frozen=True)
class ParityResult:
    """Differences between the logits of an export and of its source.

    Attributes:
        texts: texts compared.
        max_abs_logit_diff: largest |export - source| over all texts and classes; NaN or infinite where logits are.
        mean_abs_logit_diff: mean of the same.
        label_agreement: share (0..1) of texts with the same highest class; a text with a logit that is not finite on
            either side never agrees.
        mean_kl_nats: mean over texts of KL(softmax(source) || softmax(export)), in nats.
        non_finite_texts: texts with a NaN or infinite logit on either side.
        worst_texts: indices of the 10 texts that differ most in any one logit (all of them if there are fewer), the
            worst first; texts with logits that are not finite come before all others, ties keep their order.
    """

    texts: int
    max_abs_logit_diff: float
    mean_abs_logit_diff: float
    label_agreement: float
    mean_kl_nats: float
    non_finite_texts: int
    worst_texts: tuple[int, ...]

    @property
    def label_agreement_high(self) -> float:
        """Largest share of all texts that may agree, given these: the upper limit of the exact 95 % interval."""
        return _highest_share(self.label_agreement, self.texts)

    def texts_for_agreement(self, least: float) -> float:
        """How many texts of which the same share agrees could rule out that `least` (0..1) of all do.

        Infinite where no number could, since as many agree.
        """
        if self.label_agreement >= least or _highest_share(self.label_agreement, _MOST_TEXTS) >= least:
            return np.inf
        low, high = 1, _MOST_TEXTS
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if _highest_share(self.label_agreement, middle) >= least else (low, middle)
        return high


def compare_logits(source: npt.ArrayLike, export: npt.ArrayLike) -> ParityResult:
    """Compare the logits of one set of texts, computed by a source model and by an export of it.

    Args:
        source, export: (texts, classes) each, the same shape, at least one text and two classes.

    Raises:
        ShapeError: if the shapes differ or are not of that form.
    """
    expected, actual = _pair(source, export)
    finite = np.isfinite(expected).all(axis=1) & np.isfinite(actual).all(axis=1)
    with np.errstate(invalid="ignore"):
        difference = np.abs(actual - expected)
    per_text = difference.max(axis=1)
    agree = finite & (expected.argmax(axis=1) == actual.argmax(axis=1))
    order = np.argsort(-np.where(finite, per_text, np.inf), kind="stable")
    return ParityResult(
        texts=len(expected),
        max_abs_logit_diff=float(per_text.max()),
        mean_abs_logit_diff=float(difference.mean()),
        label_agreement=float(agree.sum() / len(agree)),
        mean_kl_nats=_mean_kl_nats(expected, actual),
        non_finite_texts=int((~finite).sum()),
        worst_texts=tuple(int(index) for index in order[:_WORST_TEXTS]),
    )


def _pair(source: npt.ArrayLike, export: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    expected, actual = np.asarray(source, dtype=np.float64), np.asarray(export, dtype=np.float64)
    if expected.shape != actual.shape:
        raise ShapeError(f"logits of the source are {expected.shape}, of the export {actual.shape}")
    if expected.ndim != 2 or expected.shape[0] < 1 or expected.shape[1] < 2:
        raise ShapeError(f"logits must be (texts, classes) with two classes or more, got {expected.shape}")
    return expected, actual


def _mean_kl_nats(expected: FloatArray, actual: FloatArray) -> float:
    """Mean KL divergence; rounding can push a text's sum below zero by an ulp, where it is taken as zero."""
    with np.errstate(invalid="ignore"):
        log_p, log_q = log_softmax(expected, axis=1), log_softmax(actual, axis=1)
        per_text = np.sum(np.exp(log_p) * (log_p - log_q), axis=1)
    return float(np.maximum(per_text, 0.0).mean())


def _highest_share(share: float, texts: int, confidence: float = 0.95) -> float:
    """Upper limit of a share (0..1) found in so many texts; the two-sided interval of C. Clopper and E. Pearson (1934).

    NaN where the share is not a number.
    """
    if share >= 1.0:
        return 1.0
    return float(beta.ppf((1.0 + confidence) / 2.0, share * texts + 1.0, texts - share * texts))
