"""Which units stay when time is what is short, and in what tiles FFN widths come; numbers in, numbers out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]

# Time that is taken for none; a unit that costs nothing must not divide by it.
_NOTHING_US = 1e-9
# Sums of many times differ in their last digits.
_SLACK = 1e-9
# How far from the level asked for rounding may end, as a share of the encoder's weights.
LEVEL_TOLERANCE = 0.005


@dataclass(frozen=True)
class Part:
    """The attention or the FFN of one layer, of which some units stay.

    Attributes:
        kind: units of one kind are given up in one order.
        values: (units,) what each unit is worth, none negative.
        counts: (choices,) how many units may stay, ascending; the first is the fewest.
        costs_us: (choices,) time of the part with so many units, never falling.
    """

    kind: str
    values: FloatArray
    counts: IntArray
    costs_us: FloatArray


def allocate(parts: Sequence[Part], limit_us: float) -> tuple[int, ...]:
    """How many units of each part stay, so that together they take no longer than `limit_us`.

    Every part has its fewest. Then steps are bought, from one choice of a part to the next, in the order of what they
    are worth per microsecond: Dantzig's rule for the knapsack (1957), where a part whose next step is poor and whose
    step after it is rich counts both as one (the least concave majorant). A kind of units is given up at its first
    step that is too long; the other goes on, so that rows fill the time that no whole head fits into. What is bought
    exceeds neither the limit nor falls short of it by more than one step, unless all there is has been bought.

    Args:
        limit_us: of the parts alone; at least what their fewest units take.

    Raises:
        ValueError: the fewest units take longer.
    """
    spent = sum(float(part.costs_us[0]) for part in parts)
    left = limit_us - spent
    if left < -_SLACK * max(limit_us, 1.0):
        raise ValueError(f"the fewest units take {spent:.1f} us, and {limit_us:.1f} us are to be spent")
    owner = np.repeat(np.arange(len(parts)), [len(part.counts) - 1 for part in parts])
    costs = np.concatenate([np.diff(part.costs_us) for part in parts])
    order = np.argsort(-np.concatenate([_worth_per_us(part) for part in parts]), kind="stable")
    kinds = np.array([part.kind for part in parts])[owner]
    bought = _bought(costs[order], kinds[order], left + _SLACK * max(limit_us, 1.0))
    steps = np.bincount(owner[order][bought], minlength=len(parts))
    return tuple(int(part.counts[taken]) for part, taken in zip(parts, steps, strict=True))


def _worth_per_us(part: Part) -> FloatArray:
    """(choices - 1,) what each step is worth per microsecond, never rising along the part."""
    if len(part.counts) < 2:
        return np.empty(0)
    worth = np.concatenate([[0.0], np.cumsum(np.sort(part.values)[::-1])])[part.counts]
    costs = np.maximum(np.diff(part.costs_us), _NOTHING_US)
    fitted = isotonic_regression(np.diff(worth) / costs, weights=costs, increasing=False)
    return np.asarray(fitted.x, dtype=np.float64)


def _bought(costs: FloatArray, kinds: npt.NDArray[np.str_], left: float) -> npt.NDArray[np.bool_]:
    """Which steps are taken, of steps in the order of their worth."""
    taken = np.zeros(len(costs), dtype=bool)
    may = np.ones(len(costs), dtype=bool)
    while may.any():
        places = may.nonzero()[0]
        spent = costs[places].cumsum()
        fits = int(np.searchsorted(spent, left, side="right"))
        taken[places[:fits]] = True
        if fits == len(places):
            break
        left -= float(spent[fits - 1]) if fits else 0.0
        may[places[:fits]] = False
        may &= kinds != kinds[places[fits]]
    return taken


def importance(scores: Sequence[npt.NDArray[np.floating]], weights: Sequence[int]) -> list[FloatArray]:
    """What units are worth: the share of all units that score no higher, 0..1, times the weights of the unit.

    Scores that an adaptive optimizer learns have an order but no scale, which is why a global threshold on their order
    decides in `budget.py`. With these values the choice by worth per microsecond is that same threshold wherever time
    is in proportion to weights, and departs from it where a weight of a head takes longer than one of a row.

    Args:
        scores: (units,) of each part.
        weights: that go with one unit of each part.

    Returns:
        (units,) of each part.
    """
    flat = np.concatenate(scores)
    rank = np.empty(len(flat))
    rank[np.argsort(flat, kind="stable")] = np.arange(1, len(flat) + 1) / len(flat)
    ends = np.cumsum([len(part) for part in scores])[:-1]
    return [part * weight for part, weight in zip(np.split(rank, ends), weights, strict=True)]


def choices(units: int, tile: int) -> IntArray:
    """How many of `units` may stay, ascending: the multiples of `tile`, and all of them.

    >>> choices(100, 32).tolist()
    [32, 64, 96, 100]
    """
    return np.unique(np.append(np.arange(tile, units + 1, tile), units))


def fitting_tile(tile: int, row_weights: int, total: int) -> int:
    """The largest divisor of `tile` that rounds any level to within `LEVEL_TOLERANCE` of itself.

    Rounding to whole tiles misses by half a tile at the most.

    Args:
        row_weights: encoder weights that go with one row.
        total: encoder weights of the model.
    """
    fits = (
        size for size in range(tile, 0, -1) if tile % size == 0 and size * row_weights / 2 <= LEVEL_TOLERANCE * total
    )
    return next(fits, 1)
