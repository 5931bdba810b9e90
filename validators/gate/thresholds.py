"""What is asked of an export."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..errors import ValidatorError


@dataclass(frozen=True)
class Thresholds:
    """What is asked of an export; None, or a precision that is not listed, asks nothing and only reports the figure.

    Attributes:
        max_logit_diff: by precision, largest |export - source| of any logit. fp32 1e-3: another order of float32
            additions through a deep encoder stays below it, a wrong graph does not. fp16 0.25: 11 bits of mantissa
            carried through the layers; more than that is overflow or a lost normalisation. int8 1.0: rounding to 256
            steps moves logits visibly, but not by a factor e in the odds.
        min_label_agreement: by precision, share (0..1) of texts that keep their label. fp32 0.999 allows a text in a
            thousand that stood on the fence; fp16 0.995 and int8 0.99 allow for their rounding and leave the harm to
            be judged by accuracy.
        max_accuracy_drop_points: points of 100 that accuracy may lose against the baseline: the margin of
            non-inferiority. 1.0: what the literature on compression commonly calls "no loss".
        max_macro_f1_drop_points: the same for macro F1. 2.0: it weighs rare classes like common ones, and on few
            texts moves about twice as much as accuracy.
        max_slice_drop_points: points of F1 that any one class may lose, and points of accuracy that texts of any one
            range of lengths may lose. 5.0: parts are small and move more than the whole; a part that broke loses more.
        min_speedup: how many times as fast as the baseline. None: speed depends on the machine that validates.
        max_p95_ms: largest 95th percentile of one call. None for the same reason.
        max_slowdown: against the last release, how many times as long it may take, both in units of their baselines.
            1.1: less is within what two builds of one library differ by.
        max_growth: against the last release, how many times as large its files may be.
        max_gco2e_per_1000_texts: largest emissions. None for the same reason, and because they are often estimates.

    Raises:
        ValidatorError: if a threshold is not a finite number, or an agreement is not a share.
    """

    max_logit_diff: Mapping[str, float | None] = field(
        default_factory=lambda: {"fp32": 1e-3, "fp16": 0.25, "int8": 1.0}
    )
    min_label_agreement: Mapping[str, float | None] = field(
        default_factory=lambda: {"fp32": 0.999, "fp16": 0.995, "int8": 0.99}
    )
    max_accuracy_drop_points: float | None = 1.0
    max_macro_f1_drop_points: float | None = 2.0
    max_slice_drop_points: float | None = 5.0
    min_speedup: float | None = None
    max_p95_ms: float | None = None
    max_gco2e_per_1000_texts: float | None = None
    max_slowdown: float | None = 1.1
    max_growth: float | None = 1.1

    def __post_init__(self) -> None:
        singles = (
            self.max_accuracy_drop_points,
            self.max_macro_f1_drop_points,
            self.max_slice_drop_points,
            self.min_speedup,
            self.max_p95_ms,
            self.max_gco2e_per_1000_texts,
            self.max_slowdown,
            self.max_growth,
        )
        asked = (*singles, *self.max_logit_diff.values(), *self.min_label_agreement.values())
        if any(value is not None and not math.isfinite(value) for value in asked):
            raise ValidatorError("a threshold must be a finite number, or None to ask nothing")
        if any(value is not None and not 0.0 <= value <= 1.0 for value in self.min_label_agreement.values()):
            raise ValidatorError("min_label_agreement is a share between 0 and 1, not per cent")
