"""Memory and time of the data path against the number of rows.

    python benchmarks/million_rows.py [--rows 10000 30000 100000 300000 1000000] [--batch-size 32] [--seed 42]

For each number: synthetic headlines with copies, conflicts, empty texts and repeated headers go into a CSV; a process
of its own cleans and splits them, tokenises train and dev, and draws all batches of one epoch with the trainer's
samplers, loader and collator. No model is trained. Linux only: the figures of memory come from /proc.

Two figures of memory, since mapped files count in the one and not in the other: the peak of resident memory (VmHWM)
includes pages of mapped files, which the system keeps while nobody else wants the room; anonymous memory (RssAnon,
looked at every 20 ms) is what the process needs.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000)
PHASES = ("clean", "tokenise", "batches")
BOUND_BYTES_PER_ROW = 200
MAX_LENGTH = 32
_LOOK_EVERY_S = 0.02
_MB = 1e6


@dataclass(frozen=True)
class Measured:
    """What one process found.

    Attributes:
        rows: in the file.
        kept: after cleaning.
        batches: of the epoch.
        file_bytes: size of the CSV.
        cpu_s: user and system time by phase; imports come before.
        wall_s: of all phases.
        peak_rss_bytes, peak_anonymous_bytes: of the whole process.
    """

    rows: int
    kept: int
    batches: int
    file_bytes: int
    cpu_s: dict[str, float]
    wall_s: float
    peak_rss_bytes: int
    peak_anonymous_bytes: int


def dirty(rows: Iterator[tuple[str, str]], seed: int) -> Iterator[tuple[str, str]]:
    """Adds to each hundred rows about one exact copy, one copy with spaces, one conflict, one empty text, and a few
    repeated headers to all."""
    from mctl.samples import TOPICS

    rng = random.Random(seed)
    names = tuple(TOPICS)
    recent: deque[tuple[str, str]] = deque(maxlen=1000)
    for text, label in rows:
        recent.append((text, label))
        yield text, label
        fault = rng.random()
        if fault < 0.01:
            yield rng.choice(recent)
        elif fault < 0.02:
            again, its_label = rng.choice(recent)
            yield again.replace(" ", "  "), its_label
        elif fault < 0.03:
            again, its_label = rng.choice(recent)
            yield again, names[names.index(its_label) - 1]
        elif fault < 0.04:
            yield " ", label
        elif fault < 0.0401:
            yield "text", "label"


class Watch(threading.Thread):
    """Looks at this process's anonymous memory until it is told to stop; `peak_bytes` is the most that it saw."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak_bytes = 0
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(_LOOK_EVERY_S):
            self.peak_bytes = max(self.peak_bytes, status_bytes("RssAnon"))

    def stop(self) -> None:
        self._over.set()
        self.join()


def status_bytes(name: str) -> int:
    """A figure of /proc/self/status."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(name)


def measure(data: Path, rows: int, encoder: Path, batch_size: int, work: Path) -> Measured:
    """The data path from a file to the last batch of an epoch, in this process."""
    from transformers import AutoTokenizer

    from mctl.compression.batches import Collator, EpochLoader, NumberedRows, SharedBatches
    from mctl.compression.texts import LengthGroupedBatches, token_lengths
    from mctl.data import DataSettings
    from mctl.pipeline.dataset import load_stage_data, tokenized_splits
    from mctl.progress import Silent

    tokenizer = AutoTokenizer.from_pretrained(encoder)
    watch = Watch()
    watch.start()
    started, clock = time.monotonic(), [time.process_time()]
    loaded = load_stage_data(DataSettings(source=str(data)), Silent())
    clock.append(time.process_time())
    train = tokenized_splits(tokenizer, loaded, MAX_LENGTH, Silent(), work)["train"]
    clock.append(time.process_time())
    order = LengthGroupedBatches(token_lengths(train), batch_size, seed=42)
    sampler = SharedBatches(order, batch_size)
    batches = EpochLoader(NumberedRows(train), batch_sampler=sampler, collate_fn=Collator(tokenizer))
    drawn = [len(batch["labels"]) for batch in batches]
    clock.append(time.process_time())
    watch.stop()
    assert sum(drawn) == len(train), "every text comes once"
    return Measured(
        rows=rows,
        kept=sum(len(split) for split in loaded.dataset.splits.values()),
        batches=len(drawn),
        file_bytes=data.stat().st_size,
        cpu_s={name: clock[i + 1] - clock[i] for i, name in enumerate(PHASES)},
        wall_s=time.monotonic() - started,
        peak_rss_bytes=status_bytes("VmHWM"),
        peak_anonymous_bytes=watch.peak_bytes,
    )


def measure_apart(data: Path, rows: int, encoder: Path, batch_size: int, work: Path) -> Measured:
    """`measure` in a process of its own."""
    arguments = [data, rows, encoder, batch_size, work]
    environment = {**os.environ, "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, __file__, "--one", *map(str, arguments)]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def slope(rows: Sequence[int], values: Sequence[float]) -> tuple[float, float]:
    """Least squares: by how much a value grows with each row, and half the width of the 95 % interval."""
    from scipy.stats import linregress, t

    fit = linregress(rows, values)
    return float(fit.slope), float(fit.stderr * t.ppf(0.975, len(rows) - 2))


def table(found: Sequence[Measured]) -> list[str]:
    """One row a size."""
    phases = (f"{name}, CPU s" for name in PHASES)
    head = ("rows", "kept", "CSV, MB", *phases, "CPU, s", "wall, s", "peak RSS, MB", "peak anonymous, MB")
    lines = [head, ("---",) * len(head)]
    for one in found:
        sizes = (f"{one.rows:,}", f"{one.kept:,}", f"{one.file_bytes / _MB:.1f}")
        times = tuple(f"{seconds:.1f}" for seconds in (*one.cpu_s.values(), sum(one.cpu_s.values()), one.wall_s))
        memory = tuple(f"{value / _MB:.1f}" for value in (one.peak_rss_bytes, one.peak_anonymous_bytes))
        lines.append((*sizes, *times, *memory))
    return ["| " + " | ".join(line) + " |" for line in lines]


def verdict(found: Sequence[Measured]) -> list[str]:
    """The slopes, where there are sizes enough, and whether the bound is met."""
    if len(found) < 3:
        return []
    rows = [one.rows for one in found]
    anonymous, half = slope(rows, [one.peak_anonymous_bytes for one in found])
    resident, half_resident = slope(rows, [one.peak_rss_bytes for one in found])
    cpu, half_cpu = slope(rows, [sum(one.cpu_s.values()) * 1e6 for one in found])
    met = "met" if anonymous + half < BOUND_BYTES_PER_ROW else "missed, or not to be told from these sizes"
    return [
        "",
        f"anonymous memory: {anonymous:.0f} ± {half:.0f} bytes a row (95 %); bound {BOUND_BYTES_PER_ROW}: {met}",
        f"resident memory, with pages of mapped files: {resident:.0f} ± {half_resident:.0f} bytes a row",
        f"CPU time: {cpu:.0f} ± {half_cpu:.0f} µs a row",
    ]


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        data, rows, encoder, batch_size, work = sys.argv[2:]
        print(json.dumps(asdict(measure(Path(data), int(rows), Path(encoder), int(batch_size), Path(work)))))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=SIZES)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--seed", type=int, default=42)
    options = parser.parse_args()

    from mctl.samples import headline_stream, headlines, tiny_model, write_csv

    found = []
    with tempfile.TemporaryDirectory() as folder:
        encoder, data = Path(folder, "encoder"), Path(folder, "rows.csv")
        tiny_model(encoder, (text for text, _ in headlines(options.seed, 1600)), options.seed)
        for rows in options.rows:
            write_csv(data, islice(dirty(headline_stream(options.seed), options.seed), rows))
            found.append(measure_apart(data, rows, encoder, options.batch_size, Path(folder)))
            print(json.dumps(asdict(found[-1])), file=sys.stderr)
    print("\n".join([*table(found), *verdict(found)]))


if __name__ == "__main__":
    main()
