"""Electricity that this machine uses meanwhile, read or estimated by CodeCarbon, without network, files or root.

The figures are those of CodeCarbon (V. Schmidt et al., 2021, https://github.com/mlco2/codecarbon).
"""

from __future__ import annotations

import logging
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from .errors import MeasurementError

Source = Literal["measured", "estimated"]
TrackingMode = Literal["machine", "process"]

_LOG = logging.getLogger(__name__)
_COUNTER_MODES = ("Intel Rapl", "Windows Emi", "Intel Power Gadget")
# The constructor of a tracker rewrites the level and the handlers of the one logger that all trackers share.
_CONSTRUCTION = threading.Lock()


@dataclass(frozen=True)
class Charge:
    """Electricity of some time, and the greenhouse gases of producing it.

    Attributes:
        kwh: electricity.
        gco2e: grams of CO2 equivalent.
        seconds: wall-clock time.
        cpu_kwh, gpu_kwh, ram_kwh: electricity by component.
        source: "measured" if the processor, and the GPUs if the process sees any, were read from their own counters
            (RAPL, NVML or the like), else "estimated": a processor without counters is taken as its rated power times
            a function of its load. Memory is always estimated by CodeCarbon, from its size.
        measured_share: share (0..1) of the electricity that was read from counters.
        hardware: what was counted, and how, in words.
        country_iso_code, country_name: whose electricity mix was used.
        gco2e_per_kwh: carbon intensity of that mix, from CodeCarbon's table.
    """

    kwh: float
    gco2e: float
    seconds: float
    cpu_kwh: float
    gpu_kwh: float
    ram_kwh: float
    source: Source
    measured_share: float
    hardware: str
    country_iso_code: str
    country_name: str
    gco2e_per_kwh: float


@dataclass(frozen=True)
class _Country:
    iso_code: str
    name: str
    gco2e_per_kwh: float


@contextmanager
def metered(country_iso_code: str = "IND", tracking_mode: TrackingMode = "machine") -> Iterator[Callable[[], Charge]]:
    """A meter that runs from here on until it is read, once, within the block.

    Args:
        country_iso_code: three letters; whose electricity mix turns kWh into emissions.
        tracking_mode: "machine" charges all that the machine uses, which is what a bill does; "process" charges an
            estimate for this process and its children alone. Counters always count the machine.

    Raises:
        MeasurementError: if the country is unknown; and on reading, if CodeCarbon gives no figure.
    """
    country = _look_up(country_iso_code)
    with _quiet_codecarbon() as complaints, tempfile.TemporaryDirectory(prefix="emissions-") as folder:
        tracker = _new_tracker(country, tracking_mode, folder)
        tracker.start()
        started = time.perf_counter()

        def read() -> Charge:
            seconds = time.perf_counter() - started
            tracker.stop()
            # A tracker swallows its own exceptions: without this, a broken one would pass for a thrifty model.
            data = getattr(tracker, "final_emissions_data", None)
            if data is None or not data.energy_consumed > 0:
                raise MeasurementError(f"CodeCarbon gave no figure: {'; '.join(complaints) or 'no energy was counted'}")
            return _charge(data, seconds, country, tracker)

        try:
            yield read
        finally:
            tracker.stop()


def _look_up(country_iso_code: str) -> _Country:
    from codecarbon.core.emissions import Emissions
    from codecarbon.core.units import Energy
    from codecarbon.external.geography import GeoMetadata
    from codecarbon.input import DataSource

    iso_code, source = country_iso_code.upper(), DataSource()
    known = source.get_global_energy_mix_data()
    if iso_code not in known:
        raise MeasurementError(f"no carbon intensity is known for {country_iso_code!r}; give three letters, like IND")
    kg_per_kwh = Emissions(source).get_country_emissions(Energy.from_energy(1.0), GeoMetadata(iso_code))
    return _Country(iso_code, str(known[iso_code]["country_name"]), 1000.0 * float(kg_per_kwh))


def _new_tracker(country: _Country, tracking_mode: TrackingMode, folder: str) -> Any:
    """A tracker that takes nothing from CODECARBON_* variables or files that would reach for the network or write.

    Hints about the hardware (CODECARBON_FORCE_CPU_POWER and the like) are left to the user. The carbon intensity is
    handed over as a number because a configured Electricity Maps token would otherwise have it looked up online.
    """
    from codecarbon import OfflineEmissionsTracker

    logger = logging.getLogger("codecarbon")
    with _CONSTRUCTION:
        level, handlers = logger.level, list(logger.handlers)
        try:
            return OfflineEmissionsTracker(
                country_iso_code=country.iso_code,
                region=None,
                cloud_provider=None,
                cloud_region=None,
                country_2letter_iso_code=None,
                force_carbon_intensity_g_co2e_kwh=country.gco2e_per_kwh,
                tracking_mode=tracking_mode,
                pue=1.0,
                wue=0.0,
                measure_power_secs=15.0,
                # Without this CodeCarbon takes a lock file in the temporary folder and a second tracker does nothing.
                allow_multiple_runs=True,
                output_methods=[],
                output_handlers=[],
                output_dir=folder,
                emissions_endpoint=None,
                electricitymaps_api_token=None,
                log_level="error",
            )
        finally:
            logger.setLevel(level)
            logger.handlers = handlers


def _charge(data: Any, seconds: float, country: _Country, tracker: Any) -> Charge:
    kwh, cpu_kwh, gpu_kwh = float(data.energy_consumed), float(data.cpu_energy), float(data.gpu_energy)
    counters = _counters(tracker._hardware)
    cpu_is_measured = counters.cpu and cpu_kwh > 0
    gpu_is_measured = counters.gpu and gpu_kwh > 0
    return Charge(
        kwh=kwh,
        gco2e=kwh * country.gco2e_per_kwh,
        seconds=seconds,
        cpu_kwh=cpu_kwh,
        gpu_kwh=gpu_kwh,
        ram_kwh=float(data.ram_energy),
        source="measured" if cpu_is_measured and (gpu_is_measured or not counters.gpu) else "estimated",
        measured_share=(cpu_kwh * cpu_is_measured + gpu_kwh * gpu_is_measured) / kwh,
        hardware=_describe(data, counters),
        country_iso_code=country.iso_code,
        country_name=country.name,
        gco2e_per_kwh=country.gco2e_per_kwh,
    )


@dataclass(frozen=True)
class _Counters:
    """Which parts of a machine have counters that are read; `rated_w` is the power an estimate starts from."""

    cpu: bool
    gpu: bool
    rated_w: float | None


def _counters(hardware: list[Any]) -> _Counters:
    """From CodeCarbon's list of what it tracks. A GPU that is hidden from the process is not tracked."""
    from codecarbon.external.hardware import CPU, GPU, AppleSiliconChip, Raspberry

    chips = [part.chip_part for part in hardware if isinstance(part, (AppleSiliconChip, Raspberry))]
    processors = [part for part in hardware if isinstance(part, CPU)]
    read = [part for part in processors if part.description() in {f"CPU({mode})" for mode in _COUNTER_MODES}]
    return _Counters(
        cpu="CPU" in chips or bool(read),
        gpu="GPU" in chips or any(isinstance(part, GPU) and bool(part.gpu_ids) for part in hardware),
        rated_w=next((float(part._tdp) for part in processors if part._tdp), None),
    )


def _describe(data: Any, counters: _Counters) -> str:
    how = (
        "read from counters" if counters.cpu else f"estimated from load and {counters.rated_w or 0:g} W of rated power"
    )
    gpu = f"GPU {data.gpu_model} (read from counters)" if counters.gpu else "no GPU counted"
    return (
        f"CPU {data.cpu_model}, {data.cpu_count} threads ({how}); {gpu}; "
        f"RAM {float(data.ram_total_size):.1f} GB (estimated)"
    )


class _Silencer(logging.Filter):
    """Keeps CodeCarbon's messages off the user's terminal, passes them on to our logger, and remembers warnings."""

    def __init__(self) -> None:
        super().__init__()
        self.complaints: list[str] = []

    def filter(self, record: logging.LogRecord) -> bool:
        _LOG.debug("codecarbon: %s", record.getMessage(), exc_info=record.exc_info)
        if record.levelno >= logging.WARNING:
            cause = record.exc_info[1] if record.exc_info else None
            self.complaints.append(str(cause or record.getMessage()))
        return False


@contextmanager
def _quiet_codecarbon() -> Iterator[list[str]]:
    """Silence CodeCarbon for a while by a filter, which unlike a level can be put up by several threads at once."""
    logger, silencer = logging.getLogger("codecarbon"), _Silencer()
    logger.addFilter(silencer)
    try:
        yield silencer.complaints
    finally:
        logger.removeFilter(silencer)
