"""How a machine wanders: by how much the measured ratio of two models changes from one stretch of time to the next.

    python benchmarks/wander.py EXPORT [--blocks 400]

EXPORT stands beside its source and its teacher. It and the teacher in PyTorch are timed in turn, with one thread, in
many openings of their sessions, one after the other, on the first twelve batches of invented texts. Were openings
independent, means of n of them would spread by 1 / sqrt(n) of what single ones do.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import numpy as np

from mctl.pipeline.contestants import contestants, text_batches
from mctl.pipeline.lineage import find_lineage
from mctl.recipe import MeasureSettings
from mctl.report.console import open_console
from mctl.validators.blocks import Plan, block_ratios, measure_blocks

_TEXTS = [f"{'word ' * (row % 13)}and the {row}th text" for row in range(96)]
_WINDOWS = (1, 2, 4, 8, 16, 32)


def ratios(export: Path, blocks: int) -> tuple[list[float], float]:
    """Of every opening, how many times as long the teacher takes; and seconds for an opening."""
    settings = MeasureSettings(threads=1)
    with open_console(quiet=True) as console:
        found = contestants(find_lineage(export.parent, export, console), settings)
    both = {role: found[role] for role in ("baseline", "export")}
    batches = text_batches(len(_TEXTS), settings)
    tokens = {role: contestant.tokens(batches, _TEXTS) for role, contestant in both.items()}
    started = time.perf_counter()
    timed = measure_blocks(
        lambda so_far: True,
        lambda: {role: contestant.on(tokens[role], contestant.opened()) for role, contestant in both.items()},
        batches,
        Plan(first=blocks, fewest=blocks, rounds=2),
        clock_ns=time.process_time_ns,
    )
    return block_ratios(timed, "baseline", "export", len(batches)), (time.perf_counter() - started) / blocks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("export", type=Path)
    parser.add_argument("--blocks", type=int, default=400)
    arguments = parser.parse_args()
    found, seconds = ratios(arguments.export.resolve(), arguments.blocks)
    values = np.log(found)
    print("| openings in a mean | seconds | the means spread by, % | of the spread of one | if independent |")
    print("|---|---|---|---|---|")
    for size in (size for size in _WINDOWS if len(values) >= 3 * size):
        means = values[: len(values) // size * size].reshape(-1, size).mean(axis=1)
        spread = means.std(ddof=1)
        share = f"{spread / values.std(ddof=1):.2f} | {1 / math.sqrt(size):.2f}"
        print(f"| {size} | {size * seconds:.1f} | {100 * spread:.1f} | {share} |")


if __name__ == "__main__":
    main()
