"""Does the export compute what its source does?"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from .check import Check, Figure, Verdict, at_least, at_most, count, undecided
from .thresholds import Thresholds

if TYPE_CHECKING:
    from ..parity import ParityResult


def parity_checks(result: ParityResult, precision: str, thresholds: Thresholds) -> list[Check]:
    """Checks of an export against its source; `precision` is a key of the thresholds: fp32, fp16 or int8.

    Logits are judged as they are. Label agreement is a share of texts, of which these are a sample: one text of a
    hundred that stood on the fence is no evidence against 99.5 %.
    """
    on = f"on {count(result.texts, 'text')}"
    largest = Figure("max_logit_diff", "parity", result.max_abs_logit_diff, "logit", "largest logit difference", on)
    mean = Figure("mean_logit_diff", "parity", result.mean_abs_logit_diff, "logit", "mean logit difference", on)
    divergence = Figure("mean_kl", "parity", result.mean_kl_nats, "nats", "mean KL divergence", on)
    spoilt = f"{result.non_finite_texts} of {count(result.texts, 'text')} with logits that are not finite"
    verdict: Verdict = "fail" if result.non_finite_texts else "pass"
    return [
        _agreement(result, thresholds.min_label_agreement.get(precision), on),
        at_most(largest, thresholds.max_logit_diff.get(precision)),
        at_most(mean, None),
        at_most(divergence, None),
        Check("non_finite_texts", "parity", verdict, result.non_finite_texts, 0, "texts", spoilt),
    ]


def _agreement(result: ParityResult, least: float | None, on: str) -> Check:
    """Pass if the share meets the limit, fail if no share that these texts leave possible does, else inconclusive."""
    check = at_least(Figure("label_agreement", "parity", result.label_agreement, "share", "label agreement", on), least)
    check = replace(check, high=result.label_agreement_high)
    known = math.isfinite(result.label_agreement)
    if least is None or not known or check.verdict == "pass" or result.label_agreement_high < least:
        return check
    high = f"({100 * result.label_agreement_high:.2f} % is possible)"
    return undecided(replace(check, why=f"{check.why} {high}"), result.texts_for_agreement(least))
