"""What does a thousand texts cost in energy?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .check import Check, Figure, at_most
from .thresholds import Thresholds

if TYPE_CHECKING:
    from ..emissions import EmissionsResult


def emissions_checks(result: EmissionsResult, thresholds: Thresholds) -> list[Check]:
    """Checks of energy and emissions; the sentences say whether they were measured or estimated, and for where."""
    over = f"per 1000 texts, {result.source} over {result.seconds:.3g} s"
    where = f"{over} with electricity of {result.country_name} at {result.gco2e_per_kwh:.0f} gCO2e/kWh"
    energy = Figure("energy", "emissions", result.kwh_per_1000_texts, "kWh", "energy", over)
    gases = Figure("emissions", "emissions", result.gco2e_per_1000_texts, "gCO2e", "emissions", where)
    return [at_most(energy, None), at_most(gases, thresholds.max_gco2e_per_1000_texts)]
