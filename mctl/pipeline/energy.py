"""Electricity of inference, charged to the texts that were run meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mctl.errors import UserError
from mctl.pipeline.scoring import Batch, Runner

if TYPE_CHECKING:
    from mctl.validators.emissions import EmissionsResult


def energy_of(runner: Runner, batches: Sequence[Batch], country: str, seconds: float, where: str) -> EmissionsResult:
    """Energy and emissions of running batches again and again.

    Args:
        country: three letters; whose electricity it is.
        seconds: how long, at least.
        where: the section of the recipe that says so.

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
            f"energy: {error}.", where=where, todo="Name another --country, or do without energy."
        ) from error
