"""Accuracy against prune level and method: several splits and seeds, teacher and students paired text by text.

    python benchmarks/compression.py ENCODER DATA --folder FOLDER [--seeds 1 2 3] [--levels 25 50 75 90] [--compare 75]

For every seed: the data is cut anew 70/10/20, a teacher is fine-tuned, and pruned to every level with distillation;
at the level of --compare also by magnitude and at random, with everything else the same. Each command is run as it is
printed; what is done already is not done again, so a run that was cut short goes on. The table then pairs the students
with their own teacher on the same unseen texts.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from mctl.artifact import load_artifact
from mctl.compression.registration import register
from mctl.data import DataSettings
from mctl.exporters.torch_runner import TorchClassifier
from mctl.pipeline.dataset import LabelledTexts, load_stage_data
from mctl.pipeline.loading import class_order
from mctl.pipeline.scoring import input_names, logits_of
from mctl.progress import Silent
from mctl.validators.statistics import Estimate

# Points of accuracy that a level may lose against its teacher.
BOUNDS = {25: 0.0, 50: 0.3, 75: 1.0, 90: 3.0}
METHODS = ("magnitude", "random")
TOML = """artifacts = {folder}
[model]
name = {encoder}
max_length = {length}
[data]
source = {data}
seed = {seed}
[finetune]
seed = {seed}
learning_rate = 1e-4
patience = 6
mixed_precision = "{precision}"
[compress]
seed = {seed}
distill = true
mixed_precision = "{precision}"
teacher_cache_gb = 12
"""


@dataclass(frozen=True)
class Student:
    """One row of the table."""

    level: int
    method: str

    @property
    def name(self) -> str:
        return f"prune{self.level}" + ("" if self.method == "movement" else f"-{self.method}")


def students(levels: list[int], compared: list[int]) -> list[Student]:
    """Every level by movement; some levels by the other methods too."""
    return [Student(level, "movement") for level in levels] + [
        Student(level, method) for level in compared for method in METHODS
    ]


def write_recipe(arguments: argparse.Namespace, seed: int) -> Path:
    folder = arguments.folder / str(seed)
    folder.mkdir(parents=True, exist_ok=True)
    quoted = {name: f'"{getattr(arguments, name)}"' for name in ("encoder", "data")}
    path = folder / "mctl.toml"
    text = TOML.format(
        folder=f'"{folder}"', length=arguments.max_length, seed=seed, precision=arguments.mixed_precision, **quoted
    )
    path.write_text(text, encoding="utf-8")
    return path


def commands(recipe: Path, rows: list[Student], extra: str) -> list[str]:
    """What is run for one seed."""
    at = f"-c {shlex.quote(str(recipe))}"
    made = [
        f"mctl compress {at} --teacher {shlex.quote(str(recipe.parent / 'teacher'))} --prune {row.level} "
        f"--method {row.method} --name {row.name} {extra}".strip()
        for row in rows
    ]
    return [f"mctl finetune {at}", *made]


def run(command: str) -> None:
    """Run one command; its progress goes to stderr, so that stdout stays a document."""
    program = [sys.executable, "-c", "from mctl.cli import main; main()", *shlex.split(command)[1:]]
    subprocess.run(program, stdout=sys.stderr, check=True)


def right(folder: Path, test: LabelledTexts, max_length: int) -> np.ndarray:
    """Whether a model labels each test text as its author did, (texts,)."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    names = input_names(tokenizer, model)
    logits = logits_of(TorchClassifier(model, names), tokenizer, test.texts, names, max_length, 64)
    return np.asarray(logits.argmax(1) == np.array(test.labels))


def paired(differences: list[np.ndarray], resamples: int = 10_000) -> Estimate:
    """Mean over seeds of (student right - teacher right), in points; texts are resampled within each seed."""
    generator = np.random.default_rng(0)
    draws = np.mean([d[generator.integers(0, len(d), (resamples, len(d)))].mean(1) for d in differences], axis=0)
    low, high = np.percentile(draws, [2.5, 97.5])
    return Estimate(100 * float(np.mean([d.mean() for d in differences])), 100 * float(low), 100 * float(high))


def scores(arguments: argparse.Namespace, rows: list[Student]) -> dict[str, list[np.ndarray]]:
    """By name of the model ("teacher" among them): for each seed, which texts it gets right."""
    found: dict[str, list[np.ndarray]] = {}
    for seed in arguments.seeds:
        folder = arguments.folder / str(seed)
        config = AutoModelForSequenceClassification.from_pretrained(folder / "teacher").config
        settings = DataSettings(source=str(arguments.data), seed=seed)
        test = load_stage_data(settings, Silent(), class_order(config)).splits["test"]
        for name in ["teacher", *(row.name for row in rows)]:
            found.setdefault(name, []).append(right(folder / name, test, arguments.max_length))
    return found


def table(arguments: argparse.Namespace, rows: list[Student], found: dict[str, list[np.ndarray]]) -> list[str]:
    """Rows: level, method, what is gone, accuracy by seed and in the mean, difference with its interval, bound."""
    seeds = " | ".join(f"seed {seed}" for seed in arguments.seeds)
    lines = [
        f"| level, % | method | removed, % | {seeds} | mean, % | against the teacher, points | bound |",
        "|---" * (len(arguments.seeds) + 6) + "|",
    ]
    teacher = found["teacher"]
    each = " | ".join(f"{100 * x.mean():.1f}" for x in teacher)
    lines.append(f"| 0 | teacher | 0 | {each} | {100 * np.mean([x.mean() for x in teacher]):.1f} | | |")
    for row in rows:
        ours = found[row.name]
        gap = paired([a.astype(float) - b for a, b in zip(ours, teacher, strict=True)])
        removed = [
            load_artifact(arguments.folder / str(seed) / row.name).manifest.facts["pruning"]["removed_percent"]
            for seed in arguments.seeds
        ]
        each = " | ".join(f"{100 * x.mean():.1f}" for x in ours)
        lines.append(
            f"| {row.level} | {row.method} | {np.mean(removed):.2f} | {each} | "
            f"{100 * np.mean([x.mean() for x in ours]):.1f} | {gap.value:+.2f} ({gap.low:+.2f} to {gap.high:+.2f}) | "
            f"{_verdict(row, gap)} |"
        )
    return lines


def _verdict(row: Student, gap: Estimate) -> str:
    if row.method != "movement" or row.level not in BOUNDS:
        return ""
    return f"{-BOUNDS[row.level]:+.1f} {'met' if gap.value >= -BOUNDS[row.level] else 'missed'}"


def against_methods(rows: list[Student], found: dict[str, list[np.ndarray]]) -> list[str]:
    """Movement against the others at the same level, paired."""
    lines = []
    for row in rows:
        if row.method == "movement":
            continue
        pairs = zip(found[Student(row.level, "movement").name], found[row.name], strict=True)
        gap = paired([a.astype(float) - b for a, b in pairs])
        lines.append(
            f"- at {row.level} %, movement against {row.method}: {gap.value:+.2f} points "
            f"({gap.low:+.2f} to {gap.high:+.2f})"
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("encoder", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--folder", type=Path, required=True, help="recipes and artifacts, a folder a seed")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--levels", type=int, nargs="+", default=[25, 50, 75, 90])
    parser.add_argument("--compare", type=int, nargs="*", default=[75], help="levels for magnitude and random too")
    parser.add_argument("--max-length", type=int, default=64)
    parser.add_argument("--mixed-precision", default="bf16")
    parser.add_argument("--compress-flags", default="", help="further flags of every mctl compress")
    arguments = parser.parse_args()
    rows = students(arguments.levels, arguments.compare)
    register()
    print("```")
    for seed in arguments.seeds:
        for command in commands(write_recipe(arguments, seed), rows, arguments.compress_flags):
            print(f"$ {command}", flush=True)
            run(command)
    print("```\n")
    found = scores(arguments, rows)
    print("\n".join([*table(arguments, rows, found), "", *against_methods(rows, found)]))


if __name__ == "__main__":
    main()
