"""Memory does not grow with the texts, whatever the format."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

MEGABYTE = 2**20
ROWS = 15_000
# Each small file first: what imports and two chunks take is not what the rows take.
PROGRAM = """
import sys, threading
from mctl.data import DataSettings, load

def anonymous():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))

def growth(path):
    before, seen, over = anonymous(), [], threading.Event()

    def watch():
        while not over.wait(0.005):
            seen.append(anonymous())

    thread = threading.Thread(target=watch)
    thread.start()
    dataset = load(DataSettings(source=path))
    assert sum(len(split) for split in dataset.splits.values()) == ROWS
    over.set()
    thread.join()
    return max(seen) - before

for small, large in zip(sys.argv[1::2], sys.argv[2::2]):
    load(DataSettings(source=small))
    print(growth(large))
"""


def write(path: Path, rows: int, words: int) -> None:
    texts = [f"मथळा {number} " + "शब्द " * words for number in range(rows)]
    labels = ["AB"[number % 2] for number in range(rows)]
    if path.suffix == ".parquet":
        # One row group, with texts as they are: what is hardest to read in pieces.
        pq.write_table(pa.table({"text": texts, "label": labels}), path, compression="none", use_dictionary=["label"])
    elif path.suffix == ".jsonl":
        path.write_text(
            "\n".join(
                json.dumps({"text": text, "label": label}, ensure_ascii=False)
                for text, label in zip(texts, labels, strict=True)
            )
        )
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("text", "label"), *zip(texts, labels, strict=True)])


def test_large_files_fit_into_a_few_megabytes(tmp_path: Path) -> None:
    files = []
    for ending in (".csv", ".jsonl", ".parquet"):
        small, large = tmp_path / f"small{ending}", tmp_path / f"large{ending}"
        write(small, 1_000, 160)
        write(large, ROWS, 160)
        assert large.stat().st_size > 30 * MEGABYTE
        files += [small, large]
    command = [sys.executable, "-P", "-c", PROGRAM.replace("ROWS", str(ROWS)), *map(str, files)]
    grown = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    assert max(map(int, grown)) < 48 * MEGABYTE, "held as strings, the texts take 120 and more"
