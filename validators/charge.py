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
from dataclasses import dataclass, field
from typing import Any, Literal

from .counters import Component, Counters, counters
from .errors import MeasurementError
from .quiet import quiet_codecarbon

Source = Literal["measured", "estimated"]
TrackingMode = Literal["machine", "process"]

_JOULES_PER_KWH = 3.6e6
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
            a function of its load. Memory is estimated by CodeCarbon, from its size, and decides nothing here.
        measured_share: share (0..1) of the electricity that was read from counters.
        hardware: what was counted, and how, in words.
        country_iso_code, country_name: whose electricity mix was used.
        gco2e_per_kwh: carbon intensity of that mix, from CodeCarbon's table.
        sources: of each component, "RAPL", "NVML" or another counter by name, or what it is estimated from.
        counted: the components whose energy was read from counters.
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
    sources: dict[Component, str] = field(default_factory=dict)
    counted: tuple[Component, ...] = ()

    def counted_w(self) -> dict[Component, float]:
        """Mean power of the components that were read from counters, in watts."""
        kwh = {"cpu": self.cpu_kwh, "gpu": self.gpu_kwh, "ram": self.ram_kwh}
        return {part: kwh[part] * _JOULES_PER_KWH / self.seconds for part in self.counted}

    def net_kwh(self, idle_w: dict[Component, float]) -> float:
        """Electricity less what the counted components use at idle, each at so many watts, in the same time."""
        idle = sum(idle_w.get(part, 0.0) for part in self.counted)
        return self.kwh - idle * self.seconds / _JOULES_PER_KWH


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
    with quiet_codecarbon() as complaints, tempfile.TemporaryDirectory(prefix="emissions-") as folder:
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


def has_counters() -> bool:
    """Whether any part of this machine whose idle power can be told is read from a counter."""
    with quiet_codecarbon(), tempfile.TemporaryDirectory(prefix="emissions-") as folder:
        tracker = _new_tracker(_look_up("IND"), "machine", folder)
        tracker.start()
        try:
            return bool(counters(tracker._hardware).names.keys() & {"cpu", "gpu"})
        finally:
            tracker.stop()


def _charge(data: Any, seconds: float, country: _Country, tracker: Any) -> Charge:
    kwh: dict[Component, float] = {
        "cpu": float(data.cpu_energy),
        "gpu": float(data.gpu_energy),
        "ram": float(data.ram_energy),
    }
    found, whole = counters(tracker._hardware), float(data.energy_consumed)
    # A counter that stands still, as in many a virtual machine, has counted nothing. Memory's are not relied upon.
    counted: tuple[Component, ...] = tuple(part for part in ("cpu", "gpu") if part in found.names and kwh[part] > 0)
    silent = found.names.keys() & {"cpu", "gpu"} - set(counted)
    return Charge(
        kwh=whole,
        gco2e=whole * country.gco2e_per_kwh,
        seconds=seconds,
        cpu_kwh=kwh["cpu"],
        gpu_kwh=kwh["gpu"],
        ram_kwh=kwh["ram"],
        source="measured" if "cpu" in counted and not silent else "estimated",
        measured_share=sum(kwh[part] for part in counted) / whole,
        hardware=_describe(data, found),
        country_iso_code=country.iso_code,
        country_name=country.name,
        gco2e_per_kwh=country.gco2e_per_kwh,
        sources=found.sources() | {part: f"{found.names[part]}, which stood still" for part in silent},
        counted=counted,
    )


def _describe(data: Any, found: Counters) -> str:
    sources = found.sources()
    power = "" if "cpu" in found.names else f", {found.rated_w or 0:g} W, and load"
    gpu = f"GPU {data.gpu_model} ({sources['gpu']})" if "gpu" in sources else "no GPU counted"
    return (
        f"CPU {data.cpu_model}, {data.cpu_count} threads ({sources['cpu']}{power}); {gpu}; "
        f"RAM {float(data.ram_total_size):.1f} GB ({sources['ram']})"
    )
