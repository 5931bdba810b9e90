"""Electricity of inference, charged to the texts that were run meanwhile, and of the stages that make artifacts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mctl.errors import UserError
from mctl.pipeline.scoring import Batch, Runner
from mctl.progress import Progress
from mctl.recipe import MeasureSettings

if TYPE_CHECKING:
    from mctl.validators.emissions import EmissionsResult

#: By section of the recipe, the flag that leaves energy out.
WITHOUT = {"measure": "--no-emissions", "bench": "--no-energy"}


@contextmanager
def making(settings: MeasureSettings, progress: Progress) -> Iterator[Callable[[], dict[str, Any]]]:
    """A meter over a stage; what it reads is for the manifest's facts.

    Of a stage that was interrupted it knows the run that ended it. A machine of which CodeCarbon gives no figure is
    said, and no reason to lose what was made.

    Raises:
        UserError: an unknown country.
    """
    from mctl.validators.charge import metered
    from mctl.validators.errors import MeasurementError

    if not settings.emissions:
        yield dict
        return
    with ExitStack() as stack:
        try:
            read = stack.enter_context(metered(settings.country))
        except MeasurementError as error:
            raise _unknown(error, "measure") from error

        def facts() -> dict[str, Any]:
            try:
                return {"making": asdict(read())}
            except MeasurementError as error:
                progress.say(f"energy of this stage is unknown: {error}")
                return {}

        yield facts


def energies(
    runners: Mapping[str, Runner], batches: Sequence[Batch], settings: MeasureSettings
) -> dict[str, EmissionsResult]:
    """Energy and emissions of several, in turn, with intervals.

    Raises:
        UserError: an unknown country, or a machine of which CodeCarbon gives no figure.
    """
    from mctl.validators.emissions import measure_in_turn
    from mctl.validators.errors import MeasurementError

    runs = {name: _over(runner, batches) for name, runner in runners.items()}
    try:
        return measure_in_turn(runs, country_iso_code=settings.country, minimum_seconds=settings.energy_seconds)
    except MeasurementError as error:
        raise _unknown(error, "measure") from error


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

    try:
        return measure(_over(runner, batches), country_iso_code=country, minimum_seconds=seconds)
    except MeasurementError as error:
        raise _unknown(error, section) from error


def _over(runner: Runner, batches: Sequence[Batch]) -> Callable[[], int]:
    def run_all() -> int:
        for batch in batches:
            runner(batch)
        return sum(len(next(iter(batch.values()))) for batch in batches)

    return run_all


def _unknown(error: Exception, section: str) -> UserError:
    return UserError(
        f"energy: {error}.",
        where=f"[{section}]",
        todo=f"Name another --country, or do without: {WITHOUT[section]}.",
    )
