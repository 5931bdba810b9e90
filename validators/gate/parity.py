"""Does the export compute what its source does?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .check import Check, Figure, Verdict, at_least, at_most, count
from .thresholds import Thresholds

if TYPE_CHECKING:
    from ..parity import ParityResult


def parity_checks(result: ParityResult, precision: str, thresholds: Thresholds) -> list[Check]:
    """Checks of an export against its source; `precision` is a key of the thresholds: fp32, fp16 or int8."""
    on = f"on {count(result.texts, 'text')}"
    agreement = Figure("label_agreement", "parity", result.label_agreement, "share", "label agreement", on)
    largest = Figure("max_logit_diff", "parity", result.max_abs_logit_diff, "logit", "largest logit difference", on)
    mean = Figure("mean_logit_diff", "parity", result.mean_abs_logit_diff, "logit", "mean logit difference", on)
    divergence = Figure("mean_kl", "parity", result.mean_kl_nats, "nats", "mean KL divergence", on)
    spoilt = f"{result.non_finite_texts} of {count(result.texts, 'text')} with logits that are not finite"
    verdict: Verdict = "fail" if result.non_finite_texts else "pass"
    return [
        at_least(agreement, thresholds.min_label_agreement.get(precision)),
        at_most(largest, thresholds.max_logit_diff.get(precision)),
        at_most(mean, None),
        at_most(divergence, None),
        Check("non_finite_texts", "parity", verdict, result.non_finite_texts, 0, "texts", spoilt),
    ]
