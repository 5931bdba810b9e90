"""What does a thousand texts cost in energy?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .check import Check, Figure, at_most
from .thresholds import Thresholds

if TYPE_CHECKING:
    from ..emissions import EmissionsResult


def emissions_checks(result: EmissionsResult, thresholds: Thresholds) -> list[Check]:
    """Checks of energy and emissions; the sentences say whether they were measured or estimated, and for where."""
    over = f"per 1000 texts, {result.source} over {result.seconds:.3g} s"
    where = f"{over} with electricity of {result.country_name} at {result.gco2e_per_kwh:.0f} gCO2e/kWh"
    if result.kwh_low is not None and result.kwh_high is not None:
        over = f"{over} (95 % interval {result.kwh_low:.3g} to {result.kwh_high:.3g})"
    energy = Figure("energy", "emissions", result.kwh_per_1000_texts, "kWh", "energy", over)
    gases = Figure("emissions", "emissions", result.gco2e_per_1000_texts, "gCO2e", "emissions", where)
    return [at_most(energy, None), at_most(gases, thresholds.max_gco2e_per_1000_texts)]


def break_even_check(texts: float, making_kwh: float) -> Check:
    """After how many texts the electricity of making the export is saved; a fact, and no verdict."""
    told = f"making it took {making_kwh:.3g} kWh"
    if math.isinf(texts):
        return Check("break_even", "emissions", "info", -1, None, "texts", f"{told}, and it saves none")
    why = f"{told}, which {texts:.0f} texts save"
    return Check("break_even", "emissions", "info", texts, None, "texts", why)
