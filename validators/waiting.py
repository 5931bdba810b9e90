"""How long this process has waited for a processor, which is how busy the machine was with other things."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

_TASKS = Path("/proc/self/task")


def idle_ns() -> int:
    """A clock of what one thread did not work: time on the wall less that of the process, in ns."""
    return time.perf_counter_ns() - time.process_time_ns()


def queued_ns() -> int:
    """A clock of what all threads, ready to run, waited for a processor, together and in ns.

    Linux counts it (Documentation/scheduler/sched-stats.rst, the second figure of schedstat); elsewhere it stands at 0.
    """
    total = 0
    with suppress(OSError):
        for task in _TASKS.iterdir():
            # A thread may end between being listed and being read.
            with suppress(OSError, ValueError, IndexError):
                total += int((task / "schedstat").read_bytes().split()[1])
    return total
