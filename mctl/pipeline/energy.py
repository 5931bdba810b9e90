"""Electricity of inference, charged to the texts that were run meanwhile, and of the stages that make artifacts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
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

# Of the time that a verdict has taken so far, what energy may take.
_SHARE = 0.1
_TURNS = 4
# In a shorter turn nothing is seen, in a longer one no more.
_SHORTEST_TURN, _LONGEST_TURN = 0.1, 1.0
# Starting and reading a meter.
_METER_SECONDS = 0.03
# The call that passes the end of a turn is part of it: half of what fits, on average and at most a quarter over.
_FEWEST_BATCHES, _OVERRUN = 2, 1.25


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


def prepared(settings: MeasureSettings) -> Callable[[], None]:
    """Look for meters beside other work, since it takes seconds of waiting; what comes back waits for the end of it."""
    from mctl.validators.charge import has_counters

    if not settings.emissions:
        return lambda: None
    pool = ThreadPoolExecutor(1)
    found = pool.submit(has_counters)
    pool.shutdown(wait=False)

    def wait() -> None:
        found.result()

    return wait


def turn_seconds(settings: MeasureSettings, participants: int, run_seconds: float) -> float:
    """How long each turn is: as the user says, or else so long that all of them take a tenth of the run.

    Args:
        run_seconds: what the run has taken before.
    """
    if settings.energy_seconds is not None:
        return settings.energy_seconds / _TURNS
    # One turn more in every round is for the machine at rest.
    share = _SHARE * run_seconds / _TURNS / (participants + 1) / _OVERRUN - _METER_SECONDS
    return min(max(share, _SHORTEST_TURN), _LONGEST_TURN)


def fitting(batches: Sequence[Batch], turn: float, call_seconds: float) -> list[Batch]:
    """As many of the batches, from all over them, as can be run twice in a turn.

    Args:
        call_seconds: of the slowest participant, for one batch.
    """
    few = min(max(int(turn / call_seconds / 2), _FEWEST_BATCHES), len(batches))
    return [batches[number * len(batches) // few] for number in range(few)]


def energies(
    runners: Mapping[str, Runner],
    batches: Sequence[Batch],
    settings: MeasureSettings,
    *,
    run_seconds: float,
    call_seconds: float,
) -> dict[str, EmissionsResult]:
    """Energy and emissions of several, in turn and on the same texts, with intervals.

    Args:
        run_seconds, call_seconds: see `turn_seconds` and `fitting`.

    Raises:
        UserError: an unknown country, or a machine of which CodeCarbon gives no figure.
    """
    from mctl.validators.emissions import measure_in_turn
    from mctl.validators.errors import MeasurementError

    turn = turn_seconds(settings, len(runners), run_seconds)
    few = fitting(batches, turn, call_seconds)
    runs = {name: _over(runner, few) for name, runner in runners.items()}
    try:
        return measure_in_turn(runs, country_iso_code=settings.country, minimum_seconds=turn * _TURNS, repeats=_TURNS)
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
