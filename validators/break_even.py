"""When a smaller model has repaid, in electricity, what its making took."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .emissions import EmissionsResult


@dataclass(frozen=True)
class BreakEven:
    """Texts after which as much is saved as making took; infinite if nothing is saved.

    Attributes:
        low, high: from the 95 % intervals of both models' energy; `high` is infinite if they may save nothing. Where a
            model has no interval, it counts as exact.
    """

    texts: float
    low: float
    high: float


def break_even(making_kwh: float, before: EmissionsResult, after: EmissionsResult) -> BreakEven:
    """Of a model against its baseline.

    The difference of two independent means is as uncertain as both together: half widths add up as squares do. Savings
    are net of idle where that is known, while making is what the meter showed: texts are then rather too many.

    Args:
        making_kwh: of compressing and exporting it.
        before, after: of inference with the baseline and with the model.
    """
    one, other = before.compared, after.compared
    saved = one.kwh_per_1000_texts - other.kwh_per_1000_texts
    half = math.hypot(*(_half_width(of.kwh_per_1000_texts, of.kwh_high) for of in (one, other)))
    return BreakEven(*(_texts(making_kwh, value) for value in (saved, saved + half, saved - half)))


def _half_width(mean: float, high: float | None) -> float:
    # The upper half: the lower one stops at zero.
    return 0.0 if high is None else high - mean


def _texts(making_kwh: float, saved_per_1000: float) -> float:
    return 1000 * making_kwh / saved_per_1000 if saved_per_1000 > 0 else math.inf
