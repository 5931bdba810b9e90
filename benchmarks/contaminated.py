"""What a verdict says of a teacher that was trained on its own test texts.

    python benchmarks/contaminated.py DATA ENCODER --work FOLDER [--rows 400] [--unseen 2000] [--epochs 8]

DATA is a labelled CSV file, ENCODER a folder of transformers. A teacher is trained on all of `rows` rows, those among
them that mctl cuts off as a test split: as somebody does who knows nothing of that split. mctl then adopts it
(`compress --teacher`), exports the student, and judges it twice: on the rows as they are, and on `unseen` other rows,
which nothing was trained on, with `--unseen-data`. Printed are the teacher's and the export's accuracy on both, and
what became of the checks of accuracy. Expected: inconclusive on the first, judged on the second.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from mctl.data import DataSettings, load

MAX_LENGTH, BATCH, RATE = 24, 16, 2e-4
JUDGED = ("accuracy_drop", "macro_f1_drop", "class_f1_drop", "length_accuracy_drop", "data")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("encoder", type=Path)
    parser.add_argument("--work", type=Path, required=True, help="an empty folder")
    parser.add_argument("--rows", type=int, default=400)
    parser.add_argument("--unseen", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    splits = load(DataSettings(source=str(options.data))).splits.values()
    rows = [row for split in splits for row in split]
    order = np.random.default_rng(options.seed).permutation(len(rows))
    chosen = [rows[place] for place in order[: options.rows + options.unseen]]
    seen, unseen = chosen[: options.rows], chosen[options.rows :]
    known = {label for _, label in seen}
    write(options.work / "seen.csv", seen)
    write(options.work / "unseen.csv", [row for row in unseen if row[1] in known])
    train(options.encoder, seen, options.work / "theirs", options.epochs, options.seed)

    small = ("--prune", "10", "--ramp-epochs", "1", "--recovery-epochs", "1", "--max-length", str(MAX_LENGTH))
    warned = mctl(options.work, "compress", "--teacher", "theirs", "--data", "seen.csv", *small)
    print(next(line for line in warned.stderr.splitlines() if line.startswith("warning: teacher")), "\n")
    export = mctl(options.work, "export", "--fp32").stdout.strip()
    print("| test texts | texts | teacher, % | export, % | verdict | exit | checks |\n|---|---|---|---|---|---|---|")
    for name, flags in (
        ("cut off what the teacher was trained on", ()),
        ("the same, --unseen-data", ("--unseen-data",)),
        ("others, --unseen-data", ("--data", "unseen.csv", "--unseen-data")),
    ):
        ran = mctl(options.work, "validate", export, "--no-emissions", "--repeats", "2", "--json", *flags)
        print(row(name, json.loads(ran.stdout), ran.returncode))
        if not flags:
            reason = json.loads(ran.stdout)["reason"]
    print(f"\nThe first verdict's reason: {reason}\n\n{time.monotonic() - started:.0f} s")


def write(path: Path, rows: Sequence[tuple[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])


def train(encoder: Path, rows: Sequence[tuple[str, str]], folder: Path, epochs: int, seed: int) -> None:
    """Fine-tune on all rows, in the plainest way."""
    torch.manual_seed(seed)
    names = sorted({label for _, label in rows})
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    model = AutoModelForSequenceClassification.from_pretrained(
        encoder,
        num_labels=len(names),
        id2label=dict(enumerate(names)),
        label2id={name: i for i, name in enumerate(names)},
    ).train()
    optimizer = torch.optim.AdamW(model.parameters(), RATE)
    labels = torch.tensor([names.index(label) for _, label in rows])
    for epoch in range(epochs):
        right = 0
        for places in torch.randperm(len(rows)).split(BATCH):
            texts = [rows[place][0] for place in places]
            batch = tokenizer(texts, padding=True, truncation=True, max_length=MAX_LENGTH, return_tensors="pt")
            output = model(**batch, labels=labels[places])
            output.loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            right += int((output.logits.argmax(-1) == labels[places]).sum())
        print(f"epoch {epoch + 1}: {100 * right / len(rows):.1f} % of the training texts", file=sys.stderr, flush=True)
    model.eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def mctl(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mctl", *arguments]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if ran.returncode not in {0, 1, 3}:
        raise SystemExit(ran.stderr)
    return ran


def row(name: str, result: dict[str, Any], code: int) -> str:
    members = result["participants"]
    accuracy = [f"{100 * members[role]['accuracy']:.1f}" for role in ("baseline", "export")]
    verdicts = ", ".join(f"{one['name']} {one['verdict']}" for one in result["checks"] if one["name"] in JUDGED)
    texts = result["comparison"]["parity"]["texts"]
    return f"| {name} | {texts} | {' | '.join(accuracy)} | {result['verdict']} | {code} | {verdicts} |"


if __name__ == "__main__":
    main()
