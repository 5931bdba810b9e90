"""What a verdict costs: the time of `mctl validate`, and how much of it is energy's.

    python benchmarks/validate_cost.py EXPORT [--rounds 5]

EXPORT stands beside its source and its teacher. The command is run with and without `--no-emissions`, in turn, every
run a process of its own. What a meter takes from the work that it watches is timed apart: batches of a fixed number of
products with and without one, in turn. Bounds: 90 s for a verdict, 10 % for energy in it, 10 % for a meter.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from mctl.validators.charge import metered

PROGRAM = (sys.executable, "-P", "-c", "from mctl.cli import main; main()")
BOUND_SECONDS, BOUND_ENERGY, BOUND_METER = 90.0, 1.10, 1.10
_METERED_ROUNDS, _PRODUCTS = 9, 400


def seconds_of_verdict(export: Path, *flags: str) -> float:
    """One run of the command; any verdict will do, an error will not."""
    command = [*PROGRAM, "validate", str(export), "--artifacts", str(export.parent), "--quiet", *flags]
    started = time.perf_counter()
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode not in (0, 1, 3):
        raise SystemExit(ran.stderr)
    return time.perf_counter() - started


def seconds_of_work() -> float:
    left, right = np.ones((256, 384), np.float32), np.ones((384, 1536), np.float32)
    started = time.perf_counter()
    for _ in range(_PRODUCTS):
        left @ right
    return time.perf_counter() - started


def seconds_of_metered_work() -> float:
    """The whole of it: starting the meter, the work, and reading the meter."""
    started = time.perf_counter()
    with metered("IND") as read:
        seconds_of_work()
        read()
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("export", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    export = arguments.export.resolve()
    flags: tuple[tuple[str, ...], ...] = ((), ("--no-emissions",))
    pairs = [[seconds_of_verdict(export, *more) for more in flags] for _ in range(arguments.rounds)]
    whole, without = (statistics.median(column) for column in zip(*pairs, strict=True))
    spread = f"{min(pair[0] for pair in pairs):.1f} to {max(pair[0] for pair in pairs):.1f}"
    print(f"| `mctl validate`, {arguments.rounds} runs in turn | seconds, median |")
    print("|---|---|")
    print(f"| all measurements | {whole:.1f} ({spread}) |\n| without energy | {without:.1f} |")
    print(f"\n{whole:.1f} s for a verdict; bound {BOUND_SECONDS:.0f}: {'met' if whole <= BOUND_SECONDS else 'missed'}")
    share = statistics.median(metered_run / bare for metered_run, bare in pairs)
    print(
        f"with energy a verdict takes {share:.3f} of its time without, median of {arguments.rounds} pairs; "
        f"bound {BOUND_ENERGY}: {'met' if share <= BOUND_ENERGY else 'missed'}"
    )
    seconds_of_metered_work()
    meter = [(seconds_of_metered_work(), seconds_of_work()) for _ in range(_METERED_ROUNDS)]
    ratios = sorted(with_meter / bare for with_meter, bare in meter)
    middle = statistics.median(ratios)
    print(
        f"work with a meter takes {middle:.3f} of its time without one ({ratios[0]:.3f} to {ratios[-1]:.3f}, "
        f"{_METERED_ROUNDS} pairs of {statistics.median(bare for _, bare in meter):.1f} s); "
        f"bound {BOUND_METER}: {'met' if middle <= BOUND_METER else 'missed'}"
    )


if __name__ == "__main__":
    main()
