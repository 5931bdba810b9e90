"""Energy and emissions of inference, as the meter shows them and net of what the machine uses at idle."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from .charge import Charge, Source, TrackingMode, has_counters, metered
from .counters import Component
from .errors import MeasurementError

_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Net:
    """Energy and emissions less what the machine would have used in the same time asleep.

    Attributes:
        kwh_per_1000_texts, gco2e_per_1000_texts: as in `EmissionsResult`.
        kwh_low, kwh_high: 95 % interval of kwh_per_1000_texts over repetitions.
        idle_w: mean power at idle of the components that are read from counters; nothing else is subtracted, since an
            estimate from load has no idle power that was seen.
    """

    kwh_per_1000_texts: float
    gco2e_per_1000_texts: float
    kwh_low: float
    kwh_high: float
    idle_w: dict[Component, float]


@dataclass(frozen=True)
class EmissionsResult:
    """Energy and emissions of running texts through a model.

    Attributes:
        kwh_per_1000_texts: electricity, in kWh, all that the meter shows.
        gco2e_per_1000_texts: greenhouse gases of producing it, in grams of CO2 equivalent.
        seconds: wall-clock time of all runs together.
        texts, runs: texts in all runs together, and how often `run` was called.
        cpu_kwh, gpu_kwh, ram_kwh: electricity of all runs together, by component.
        source: "measured" if the processor, and the GPUs if the process sees any, were read from their own counters
            (RAPL, NVML or the like), else "estimated": a processor without counters is taken as its rated power times
            a function of its load. Memory is estimated by CodeCarbon, from its size, and decides nothing here.
        measured_share: share (0..1) of the electricity that was read from counters.
        hardware: what was counted, and how, in words.
        country_iso_code, country_name: whose electricity mix was used.
        gco2e_per_kwh: carbon intensity of that mix, from CodeCarbon's table.
        kwh_low, kwh_high: 95 % interval of kwh_per_1000_texts over repetitions, if there were some.
        sources: of each component, "RAPL", "NVML" or another counter by name, or what it is estimated from.
        turns: how often the meter was started; the interval is over these.
        net: less idle, where idle was measured: None without counters, and where the machine was not quiet for it.
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
    sources: dict[Component, str] = field(default_factory=dict)
    turns: int = 1
    net: Net | None = None

    @property
    def compared(self) -> EmissionsResult | Net:
        """What models are compared and judged by: net of idle where that is known, else what the meter shows."""
        return self.net or self


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
    return _summarise(*_turn(run, country_iso_code, minimum_seconds, tracking_mode))


def measure_in_turn(
    runs: Mapping[str, Callable[[], int]],
    *,
    country_iso_code: str = "IND",
    minimum_seconds: float,
    repeats: int = 4,
) -> dict[str, EmissionsResult]:
    """`measure` of several, one after the other and again, so that what else the machine does falls on all of them.

    Where a processor or a GPU is read from counters, every round begins with a turn in which this process sleeps: what
    the machine uses then is its idle power, with all models loaded, and is subtracted from the turns of that round.

    Args:
        runs: by name; see `measure`.
        minimum_seconds: for each, all repetitions together.
        repeats: turns of each, at least two; the interval is Student's over them.
    """
    turns: dict[str, list[tuple[_Work, Charge]]] = {name: [] for name in runs}
    idle_w: list[dict[Component, float]] = []
    seconds, counts = minimum_seconds / repeats, has_counters()
    for _ in range(repeats):
        if counts:
            idle_w.append(_asleep(country_iso_code, seconds).counted_w())
        for name, run in runs.items():
            turns[name].append(_turn(run, country_iso_code, seconds, "machine"))
    found = {name: _together(each) for name, each in turns.items()}
    nets = {name: _net(each, idle_w) for name, each in turns.items()} if counts else {}
    # One basis for all of them: where idle was no less than work, something else was at work meanwhile.
    usable = all(net is not None for net in nets.values())
    return {name: replace(result, net=nets.get(name) if usable else None) for name, result in found.items()}


def _turn(
    run: Callable[[], int], country_iso_code: str, minimum_seconds: float, tracking_mode: TrackingMode
) -> tuple[_Work, Charge]:
    if not minimum_seconds > 0:
        raise MeasurementError(f"minimum_seconds must be positive, got {minimum_seconds}")
    with metered(country_iso_code, tracking_mode) as read:
        work = _repeat(run, minimum_seconds)
        return work, read()


def _asleep(country_iso_code: str, seconds: float) -> Charge:
    with metered(country_iso_code) as read:
        time.sleep(seconds)
        return read()


def _together(turns: Sequence[tuple[_Work, Charge]]) -> EmissionsResult:
    each = [_summarise(work, charge) for work, charge in turns]
    first, kwh = each[0], [charge.kwh for _, charge in turns]
    mean, low, high = _per_1000(kwh, [turn.texts for turn in each])
    return replace(
        first,
        kwh_per_1000_texts=mean,
        gco2e_per_1000_texts=mean * first.gco2e_per_kwh,
        seconds=sum(turn.seconds for turn in each),
        texts=sum(turn.texts for turn in each),
        runs=sum(turn.runs for turn in each),
        cpu_kwh=sum(turn.cpu_kwh for turn in each),
        gpu_kwh=sum(turn.gpu_kwh for turn in each),
        ram_kwh=sum(turn.ram_kwh for turn in each),
        source="measured" if all(turn.source == "measured" for turn in each) else "estimated",
        measured_share=sum(charge.measured_share * charge.kwh for _, charge in turns) / sum(kwh),
        kwh_low=low,
        kwh_high=high,
        turns=len(each),
    )


def _net(turns: Sequence[tuple[_Work, Charge]], idle_w: Sequence[dict[Component, float]]) -> Net | None:
    """None where counters counted nothing, or the rest of the machine was not quiet enough to tell the work from it."""
    if not all(charge.counted for _, charge in turns) or not all(idle_w):
        return None
    kwh = [charge.net_kwh(idle) for (_, charge), idle in zip(turns, idle_w, strict=True)]
    mean, low, high = _per_1000(kwh, [work.texts for work, _ in turns])
    if not mean > 0:
        return None
    watts: dict[Component, float] = {part: sum(idle[part] for idle in idle_w) / len(idle_w) for part in idle_w[0]}
    return Net(mean, mean * turns[0][1].gco2e_per_kwh, low, high, watts)


def _per_1000(kwh: Sequence[float], texts: Sequence[int]) -> tuple[float, float, float]:
    """kWh for 1,000 texts over all turns, and its interval: Student's, over the figures of the turns."""
    from scipy import stats

    each = [1000 * spent / run for spent, run in zip(kwh, texts, strict=True)]
    mean, centre = 1000 * sum(kwh) / sum(texts), sum(each) / len(each)
    error = math.sqrt(sum((value - centre) ** 2 for value in each) / (len(each) - 1) / len(each))
    half = float(stats.t.ppf((1 + _CONFIDENCE) / 2, len(each) - 1)) * error
    return mean, max(mean - half, 0.0), mean + half


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
        sources=charge.sources,
    )
