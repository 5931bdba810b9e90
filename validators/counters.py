"""Where CodeCarbon's figure of each part of a machine comes from: the name of a counter, or that it is an estimate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Component = Literal["cpu", "gpu", "ram"]

_PROCESSOR_COUNTERS = {"intel_rapl": "RAPL", "windows_emi": "Windows EMI", "intel_power_gadget": "Intel Power Gadget"}
_FROM_TDP, _FROM_SIZE = "estimated from TDP", "estimated from size"


@dataclass(frozen=True)
class Counters:
    """How the parts of a machine are counted.

    Attributes:
        names: of the counter of each part that has one: "RAPL", "NVML" or the like.
        rated_w: power that an estimate of the processor starts from, None where there is none.
    """

    names: Mapping[Component, str]
    rated_w: float | None

    def sources(self) -> dict[Component, str]:
        """Of every part that is charged: its counter, or what its figure is estimated from."""
        return {"cpu": _FROM_TDP, "ram": _FROM_SIZE, **self.names}


def counters(hardware: Iterable[Any]) -> Counters:
    """From CodeCarbon's list of what it tracks. A GPU that is hidden from the process is not tracked."""
    from codecarbon.external.hardware import CPU, GPU, AppleSiliconChip, Raspberry

    names: dict[Component, str] = {}
    rated_w = None
    for part in hardware:
        if isinstance(part, CPU):
            rated_w = float(part._tdp) if part._tdp else rated_w
            if part._mode in _PROCESSOR_COUNTERS:
                names["cpu"] = _PROCESSOR_COUNTERS[part._mode]
        elif isinstance(part, GPU) and part.gpu_ids:
            makers = {type(device).__name__ for device in part.devices.devices}
            names["gpu"] = "AMD SMI" if makers == {"AMDGPUDevice"} else "NVML"
        elif isinstance(part, AppleSiliconChip):
            names["gpu" if part.chip_part == "GPU" else "cpu"] = "powermetrics"
        elif isinstance(part, Raspberry):
            names["ram" if part.chip_part == "RAM" else "cpu"] = "PMIC"
    return Counters(names, rated_w)
