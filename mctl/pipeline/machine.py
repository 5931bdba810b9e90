"""What a latency or an energy figure depends on besides the model."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path
from typing import Any

FP16_ON_CPU = "fp16 on a CPU is emulated: the weights are half the size, the arithmetic is fp32 with conversions."


def fingerprint() -> dict[str, Any]:
    """Processor, usable cores, memory, and GPUs that torch sees."""
    import torch

    gpus = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": round(_memory_bytes() / 2**30, 1),
        "gpus": gpus,
        "system": platform.platform(terse=True),
    }


def is_named(machine: str | None, threads: int) -> bool:
    """Whether this is the processor, or the GPU, that a limit was set for; one that names none is meant for any.

    Args:
        machine: its name, and behind it, where they matter, ", 2 cores" and ", 1 thread".
        threads: that the measurement has.
    """
    if machine is None:
        return True
    facts = fingerprint()
    counts = {"core": facts["cores"], "thread": threads}
    name = machine
    while found := re.fullmatch(r"(.*), *(\d+) (core|thread)s?", name):
        name, number, what = found.groups()
        if int(number) != counts[what]:
            return False
    return name in {facts["processor"], *facts["gpus"]}


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        return platform.processor() or platform.machine()
    return platform.processor() or platform.machine()


def _memory_bytes() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 0
