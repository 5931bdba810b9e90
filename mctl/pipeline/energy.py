"""Electricity of inference, charged to the texts that were run meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mctl.errors import UserError
from mctl.pipeline.scoring import Batch, Runner

if TYPE_CHECKING:
    from mctl.validators.emissions import EmissionsResult

#: By section of the recipe, the flag that leaves energy out.
WITHOUT = {"measure": "--no-emissions", "bench": "--no-energy"}


def energy_of(
    runner: Runner, batches: Sequence[Batch], country: str, seconds: float, *, section: str
) -> EmissionsResult:
    """Energy and emissions of running batches again and again.

    Args:
        country: three letters; whose electricity it is.
        seconds: how long, at least.
        section: of the recipe that says so; "bench" or "measure".

    Raises:
        UserError: an unknown country, or a machine of which CodeCarbon gives no figure.
    """
    from mctl.validators.emissions import measure
    from mctl.validators.errors import MeasurementError

    def run_all() -> int:
        for batch in batches:
            runner(batch)
        return sum(len(next(iter(batch.values()))) for batch in batches)

    try:
        return measure(run_all, country_iso_code=country, minimum_seconds=seconds)
    except MeasurementError as error:
        raise UserError(
            f"energy: {error}.",
            where=f"[{section}]",
            todo=f"Name another --country, or do without: {WITHOUT[section]}.",
        ) from error
