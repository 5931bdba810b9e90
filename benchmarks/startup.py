"""How long `mctl --help` takes, as a multiple of `python -c "import typer"`.

    python benchmarks/startup.py

CPU time (user and system) of whole processes, the two in turn, because a shared machine's clock on the wall says more
about its neighbours. Bound: at most 1.5.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys

import numpy as np

HELP = [sys.executable, "-c", "import sys; sys.argv = ['mctl', '--help']; from mctl.cli import main; main()"]
TYPER = [sys.executable, "-c", "import typer"]
BOUND = 1.5


def cpu_seconds(command: list[str]) -> float:
    """User and system time of one run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(runs: int = 30) -> None:
    pairs = [(cpu_seconds(HELP), cpu_seconds(TYPER)) for _ in range(runs + 2)][2:]
    ratios = [ours / typer for ours, typer in pairs]
    low, high = np.percentile(ratios, [2.5, 97.5])
    ours, typers = (statistics.median(column) for column in zip(*pairs, strict=True))
    print("| command | CPU time, median of pairs |\n|---|---|")
    print(f"| `mctl --help` | {1000 * ours:.0f} ms |\n| `python -c 'import typer'` | {1000 * typers:.0f} ms |")
    verdict = "met" if statistics.median(ratios) <= BOUND else "missed"
    print(
        f"\nratio {statistics.median(ratios):.2f} (95 % of {runs} pairs: {low:.2f} to {high:.2f}); "
        f"bound {BOUND}: {verdict}"
    )


if __name__ == "__main__":
    main()
