"""Accuracy against prune level and method: several splits and seeds, teacher and students paired text by text.

    python benchmarks/compression.py ENCODER DATA --folder FOLDER [--seeds 1 2 3] [--levels 25 50 75 90] [--compare 75]

For every seed: the data is cut anew 70/10/20, a teacher is fine-tuned, and pruned to every level with distillation;
at the level of --compare also by magnitude and at random, with everything else the same. The table pairs the students
with their own teacher on the same unseen texts.

A student takes a quarter of an hour to two hours of one core. Each is written to --record as soon as it is done, with
its command and commit, and is not made again: the table grows over many runs. --table prints what is there.

Of students trained more than once the table has the latest; below it is what each recipe gave each time.
"""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from records import Outcome, add, commit_here, packed, recorded
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
RECORD = Path(__file__).parent / "records" / "compression.jsonl"
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
freeze_embeddings = true
patience = 6
mixed_precision = "{precision}"
[compress]
seed = {seed}
freeze_embeddings = true
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
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    names = input_names(tokenizer, model)
    logits = logits_of(TorchClassifier(model, names), tokenizer, test.texts, names, max_length, 64)
    return np.asarray(logits.argmax(1) == np.array(test.labels))


def paired(differences: list[np.ndarray], resamples: int = 10_000) -> Estimate:
    """Mean over seeds of (student right - teacher right), in points; texts are resampled within each seed."""
    generator = np.random.default_rng(0)
    draws = np.mean([d[generator.integers(0, len(d), (resamples, len(d)))].mean(1) for d in differences], axis=0)
    low, high = np.percentile(draws, [2.5, 97.5])
    return Estimate(100 * float(np.mean([d.mean() for d in differences])), 100 * float(low), 100 * float(high))


def outcome(arguments: argparse.Namespace, seed: int, row: Student, command: str) -> Outcome:
    """Run `command` and try what came out on the seed's unseen texts, beside its teacher."""
    print(f"$ {command}", file=sys.stderr, flush=True)
    run(command)
    folder = arguments.folder / str(seed)
    config = AutoModelForSequenceClassification.from_pretrained(folder / "teacher").config
    settings = DataSettings(source=str(arguments.data), seed=seed)
    test = load_stage_data(settings, Silent(), class_order(config)).splits["test"]
    return Outcome(
        data=arguments.data.name,
        encoder=arguments.encoder.name,
        seed=seed,
        level=row.level,
        method=row.method,
        removed_percent=load_artifact(folder / row.name).manifest.facts["pruning"]["removed_percent"],
        texts=len(test.texts),
        teacher_right=packed(right(folder / "teacher", test, arguments.max_length)),
        student_right=packed(right(folder / row.name, test, arguments.max_length)),
        command=command.replace(f"{arguments.folder}/", ""),
        commit=commit_here(),
    )


Found = dict[tuple[int, Student], Outcome]


def outcomes(arguments: argparse.Namespace) -> list[Outcome]:
    """What the record holds of this encoder and these data."""
    wanted = arguments.data.name, arguments.encoder.name
    return [one for one in recorded(arguments.record) if (one.data, one.encoder) == wanted]


def known(arguments: argparse.Namespace) -> Found:
    """The latest of each student."""
    return {(one.seed, Student(one.level, one.method)): one for one in outcomes(arguments)}


def table(found: Found, seeds: list[int], rows: list[Student]) -> list[str]:
    """Rows: level, method, what is gone, accuracy by seed and its teacher's, difference with its interval, bound."""
    heading = " | ".join(f"seed {seed}: student, teacher" for seed in seeds)
    lines = [
        f"| level, % | method | removed, % | {heading} | difference, points | bound | made by |",
        "|---" * (len(seeds) + 6) + "|",
    ]
    for row in rows:
        have = {seed: found[seed, row] for seed in seeds if (seed, row) in found}
        if not have:
            continue
        gap = paired([one.student - one.teacher for one in have.values()])
        each = " | ".join(
            f"{100 * have[seed].student.mean():.1f}, {100 * have[seed].teacher.mean():.1f}" if seed in have else ""
            for seed in seeds
        )
        commits = ", ".join(sorted({one.commit for one in have.values()}))
        lines.append(
            f"| {row.level} | {row.method} | {np.mean([one.removed_percent for one in have.values()]):.2f} | {each} | "
            f"{gap.value:+.2f} ({gap.low:+.2f} to {gap.high:+.2f}) | {_verdict(row, gap)} | {commits} |"
        )
    return lines


def _verdict(row: Student, gap: Estimate) -> str:
    if row.method != "movement" or row.level not in BOUNDS:
        return ""
    return f"{-BOUNDS[row.level]:+.1f} {'met' if gap.value >= -BOUNDS[row.level] else 'missed'}"


def flags(one: Outcome) -> str:
    """What its command says beside level, method and places."""
    return re.sub(r".*--name \S+ ?", "", one.command)


def against_methods(found: Found, trained: list[Outcome], seeds: list[int], rows: list[Student]) -> list[str]:
    """Movement against the others at the same level, paired by seed and text: same teacher, same flags."""
    lines = []
    for row in rows:
        if row.method == "movement":
            continue
        pairs = []
        for theirs in (found[seed, row] for seed in seeds if (seed, row) in found):
            like = theirs.seed, theirs.level, "movement", theirs.teacher_right, flags(theirs)
            ours = [one for one in trained if (one.seed, one.level, one.method, one.teacher_right, flags(one)) == like]
            pairs += [(ours[-1], theirs)] if ours else []
        if not pairs:
            continue
        gap = paired([ours.student - theirs.student for ours, theirs in pairs])
        lines.append(
            f"- at {row.level} %, movement against {row.method}, {len(pairs)} seeds, {_commits(pairs)}: "
            f"{gap.value:+.2f} points ({gap.low:+.2f} to {gap.high:+.2f})"
        )
    return lines


def _commits(pairs: list[tuple[Outcome, Outcome]]) -> str:
    return ", ".join(sorted({one.commit for pair in pairs for one in pair}))


def repeats(trained: list[Outcome], seeds: list[int], rows: list[Student]) -> list[str]:
    """Every recipe of a student that has had several trainings: each commit's, and their mean."""
    lines = []
    for row in rows:
        ours = [one for one in trained if Student(one.level, one.method) == row]
        recipes: dict[str, dict[str, dict[int, np.ndarray]]] = {}
        for one in ours:
            by_seed = recipes.setdefault(flags(one), {}).setdefault(one.commit, {})
            by_seed[one.seed] = one.student - one.teacher
        whole = {
            recipe: {commit: by_seed for commit, by_seed in commits.items() if set(seeds) <= by_seed.keys()}
            for recipe, commits in recipes.items()
        }
        if sum(map(len, whole.values())) > 1:
            lines += [_repeated(row, recipe, commits, seeds) for recipe, commits in whole.items() if commits]
    return lines


def _repeated(row: Student, recipe: str, commits: dict[str, dict[int, np.ndarray]], seeds: list[int]) -> str:
    """Paired with the teacher by text."""
    each = {commit: paired([by_seed[seed] for seed in seeds]) for commit, by_seed in commits.items()}
    said = ", ".join(f"{gap.value:+.2f} ({commit})" for commit, gap in each.items())
    line = f"- {row.level} % by {row.method}, `{recipe}`: {said}"
    if len(each) == 1:
        return line
    # Trainings of one seed share its texts: their mean is one text's difference.
    mean = paired([np.mean([by_seed[seed] for by_seed in commits.values()], axis=0) for seed in seeds])
    return f"{line}; their mean {mean.value:+.2f} points ({mean.low:+.2f} to {mean.high:+.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("encoder", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--folder", type=Path, required=True, help="recipes and artifacts, a folder a seed")
    parser.add_argument("--record", type=Path, default=RECORD, help=f"results, a JSON line each (default: {RECORD})")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--levels", type=int, nargs="*", default=[25, 50, 75, 90])
    parser.add_argument("--compare", type=int, nargs="*", default=[75], help="levels for magnitude and random too")
    parser.add_argument("--max-length", type=int, default=64)
    parser.add_argument("--mixed-precision", default="bf16")
    parser.add_argument("--compress-flags", default="", help="further flags of every mctl compress")
    parser.add_argument("--table", action="store_true", help="only print what the record holds")
    arguments = parser.parse_args()
    rows = students(arguments.levels, arguments.compare)
    register()
    found = known(arguments)
    for seed in [] if arguments.table else arguments.seeds:
        finetune, *compress = commands(write_recipe(arguments, seed), rows, arguments.compress_flags)
        for row, command in zip(rows, compress, strict=True):
            if (seed, row) not in found:
                run(finetune)
                add(arguments.record, outcome(arguments, seed, row, command))
    found = known(arguments)
    trained = outcomes(arguments)
    remarks = [*against_methods(found, trained, arguments.seeds, rows), *repeats(trained, arguments.seeds, rows)]
    print("\n".join([*table(found, arguments.seeds, rows), "", *remarks]))
    made = dict.fromkeys(re.sub(r"\b\d+/", "SEED/", one.command) for (_, row), one in found.items() if row in rows)
    print("\n".join(["", "```", *(f"$ {command}" for command in made), "```"]))


if __name__ == "__main__":
    main()
