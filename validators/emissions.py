"""Energy and emissions of inference, and when a smaller model has repaid its making."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from .charge import Charge, Source, TrackingMode, metered
from .errors import MeasurementError


@dataclass(frozen=True)
class EmissionsResult:
    """Energy and emissions of running texts through a model.

    Attributes:
        kwh_per_1000_texts: electricity, in kWh.
        gco2e_per_1000_texts: greenhouse gases of producing it, in grams of CO2 equivalent.
        seconds: wall-clock time of all runs together.
        texts, runs: texts in all runs together, and how often `run` was called.
        cpu_kwh, gpu_kwh, ram_kwh: electricity of all runs together, by component.
        source: "measured" if the processor, and the GPUs if the process sees any, were read from their own counters
            (RAPL, NVML or the like), else "estimated": a processor without counters is taken as its rated power times
            a function of its load. Memory is always estimated by CodeCarbon, from its size.
        measured_share: share (0..1) of the electricity that was read from counters.
        hardware: what was counted, and how, in words.
        country_iso_code, country_name: whose electricity mix was used.
        gco2e_per_kwh: carbon intensity of that mix, from CodeCarbon's table.
        kwh_low, kwh_high: 95 % interval of kwh_per_1000_texts over repetitions, if there were some.
    """

    kwh_per_1000_texts: float
    gco2e_per_1000_texts: float
    seconds: float
    texts: int
    runs: int
    cpu_kwh: float
    gpu_kwh: float
    ram_kwh: float
    source: Source
    measured_share: float
    hardware: str
    country_iso_code: str
    country_name: str
    gco2e_per_kwh: float
    kwh_low: float | None = None
    kwh_high: float | None = None


@dataclass(frozen=True)
class _Work:
    texts: int
    runs: int
    seconds: float


def measure(
    run: Callable[[], int],
    *,
    country_iso_code: str = "IND",
    minimum_seconds: float,
    tracking_mode: TrackingMode = "machine",
) -> EmissionsResult:
    """Repeat `run` for at least `minimum_seconds` and charge it with the electricity used meanwhile.

    Call `run` once beforehand, so that loading and warming up are not charged, and measure for seconds rather than
    milliseconds: the load of a processor is known only to a hundredth of a second.

    Args:
        run: does the work, waits for it to end, and returns how many texts it took.
        country_iso_code, tracking_mode: as `charge.metered`.
        minimum_seconds: how long to go on; the run that passes it is the last.

    Raises:
        MeasurementError: if the country is unknown, `run` takes no texts, or CodeCarbon gives no figure.
    """
    if not minimum_seconds > 0:
        raise MeasurementError(f"minimum_seconds must be positive, got {minimum_seconds}")
    with metered(country_iso_code, tracking_mode) as read:
        work = _repeat(run, minimum_seconds)
        return _summarise(work, read())


def measure_in_turn(
    runs: Mapping[str, Callable[[], int]],
    *,
    country_iso_code: str = "IND",
    minimum_seconds: float,
    repeats: int = 4,
) -> dict[str, EmissionsResult]:
    """`measure` of several, one after the other and again, so that what else the machine does falls on all of them.

    Args:
        runs: by name; see `measure`.
        minimum_seconds: for each, all repetitions together.
        repeats: turns of each, at least two; the interval is Student's over them.
    """
    turns: dict[str, list[EmissionsResult]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            found = measure(run, country_iso_code=country_iso_code, minimum_seconds=minimum_seconds / repeats)
            turns[name].append(found)
    return {name: _together(found) for name, found in turns.items()}


def break_even_texts(making_kwh: float, before: EmissionsResult, after: EmissionsResult) -> float:
    """Texts after which a model has saved as much electricity as its making took; infinite if it saves none.

    Args:
        making_kwh: of compressing and exporting it.
        before, after: of inference with the baseline and with the model.
    """
    saved_per_text = (before.kwh_per_1000_texts - after.kwh_per_1000_texts) / 1000
    return making_kwh / saved_per_text if saved_per_text > 0 else math.inf


def _together(turns: Sequence[EmissionsResult]) -> EmissionsResult:
    from scipy import stats

    first, texts = turns[0], sum(turn.texts for turn in turns)
    each = [turn.kwh_per_1000_texts for turn in turns]
    mean = sum(turn.kwh_per_1000_texts * turn.texts for turn in turns) / texts
    spread = math.sqrt(sum((value - sum(each) / len(each)) ** 2 for value in each) / (len(each) - 1) / len(each))
    half = float(stats.t.ppf(0.975, len(each) - 1)) * spread
    return replace(
        first,
        kwh_per_1000_texts=mean,
        gco2e_per_1000_texts=mean * first.gco2e_per_kwh,
        seconds=sum(turn.seconds for turn in turns),
        texts=texts,
        runs=sum(turn.runs for turn in turns),
        cpu_kwh=sum(turn.cpu_kwh for turn in turns),
        gpu_kwh=sum(turn.gpu_kwh for turn in turns),
        ram_kwh=sum(turn.ram_kwh for turn in turns),
        kwh_low=max(mean - half, 0.0),
        kwh_high=mean + half,
    )


def _repeat(run: Callable[[], int], minimum_seconds: float) -> _Work:
    texts, runs, start = 0, 0, time.perf_counter()
    while True:
        texts_now = run()
        if texts_now < 1:
            raise MeasurementError(f"the measured run reports {texts_now} texts; it must take one or more")
        texts, runs, seconds = texts + texts_now, runs + 1, time.perf_counter() - start
        if seconds >= minimum_seconds:
            return _Work(texts, runs, seconds)


def _summarise(work: _Work, charge: Charge) -> EmissionsResult:
    kwh_per_1000_texts = 1000.0 * charge.kwh / work.texts
    return EmissionsResult(
        kwh_per_1000_texts=kwh_per_1000_texts,
        gco2e_per_1000_texts=kwh_per_1000_texts * charge.gco2e_per_kwh,
        seconds=work.seconds,
        texts=work.texts,
        runs=work.runs,
        cpu_kwh=charge.cpu_kwh,
        gpu_kwh=charge.gpu_kwh,
        ram_kwh=charge.ram_kwh,
        source=charge.source,
        measured_share=charge.measured_share,
        hardware=charge.hardware,
        country_iso_code=charge.country_iso_code,
        country_name=charge.country_name,
        gco2e_per_kwh=charge.gco2e_per_kwh,
    )
