"""What does a thousand texts cost in energy?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .check import Check, Figure, at_most
from .thresholds import Thresholds

if TYPE_CHECKING:
    from ..break_even import BreakEven
    from ..emissions import EmissionsResult


# Load is known to a hundredth of a second: in a turn of this many seconds, to a few per cent.
_COARSE_SECONDS = 0.25


def emissions_checks(result: EmissionsResult, thresholds: Thresholds) -> list[Check]:
    """Checks of energy and emissions, net of idle where idle was measured.

    The sentences say where each component's figure comes from, what was subtracted, and for which grid.
    """
    spent = result.compared
    over = f"per 1000 texts, {result.source} over {result.seconds:.3g} s"
    where = f"{over} with electricity of {result.country_name} at {result.gco2e_per_kwh:.0f} gCO2e/kWh"
    remarks = [_sources(result), _interval(spent.kwh_low, spent.kwh_high), _idle(result), _resolution(result)]
    told = "; ".join(remark for remark in remarks if remark)
    energy = Figure("energy", "emissions", spent.kwh_per_1000_texts, "kWh", "energy", f"{over} ({told})")
    gases = Figure("emissions", "emissions", spent.gco2e_per_1000_texts, "gCO2e", "emissions", where)
    return [at_most(energy, None), at_most(gases, thresholds.max_gco2e_per_1000_texts)]


def break_even_check(repaid: BreakEven, making_kwh: float, unknown: Sequence[str] = ()) -> Check:
    """After how many texts the electricity of making the export is saved; a fact, and no verdict.

    Args:
        unknown: stages whose electricity was not noted, which is then not among `making_kwh`.
    """
    told = f"making it from the baseline took {making_kwh:.3g} kWh"
    if unknown:
        told = f"{told} without {', '.join(unknown)}, of which nothing is known"
    if math.isinf(repaid.texts):
        return Check("break_even", "emissions", "info", -1, None, "texts", f"{told}, and it saves none")
    why = f"{told}, which {repaid.texts:.0f} texts save"
    if repaid.low < repaid.high:
        high = "never" if math.isinf(repaid.high) else f"{repaid.high:.0f}"
        why = f"{why} (95 % interval {repaid.low:.0f} to {high})"
    return Check("break_even", "emissions", "info", repaid.texts, None, "texts", why)


def _sources(result: EmissionsResult) -> str:
    names = {"cpu": "processor", "gpu": "GPU", "ram": "memory"}
    return ", ".join(f"{names[part]} {source}" for part, source in result.sources.items())


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"95 % interval {low:.3g} to {high:.3g}"


def _idle(result: EmissionsResult) -> str:
    if result.net is None:
        return "idle power is not subtracted"
    watts = sum(result.net.idle_w.values())
    return f"net of {watts:.3g} W at idle, {result.kwh_per_1000_texts:.3g} kWh with it"


def _resolution(result: EmissionsResult) -> str:
    turn = result.seconds / result.turns
    return f"turns of {turn:.2g} s: the resolution is poor" if turn < _COARSE_SECONDS else ""
