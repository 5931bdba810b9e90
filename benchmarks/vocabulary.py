"""What does a trimmed vocabulary save, and what does it change?

    python benchmarks/vocabulary.py ENCODER DATA [--teacher FOLDER] [--seed N] [--corpus FILE ...] [--spare N ...]
        [--corpus-spare N ...]

TEACHER is a classifier fine-tuned on DATA as split by seed N; without one, ENCODER is fine-tuned first. Its vocabulary
is trimmed to the training texts with several numbers of spare tokens, and, if there is a corpus, to that as well.
Nothing is trained. Bounds, for the default of spare tokens and for every trimming with a corpus: 35 M parameters, label
agreement 100 % on the training split and 99.5 % on the test split. Load time and memory are medians over fresh
processes, taken in turn.
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from mctl.compression.vocabulary import Trimmed, changed_texts, trim, usage_of
from mctl.data import Dataset, DataSettings, load
from mctl.exporters.torch_runner import TorchClassifier
from mctl.pipeline.corpus import Corpus
from mctl.pipeline.saving import save_tokenizer
from mctl.pipeline.scoring import input_names, logits_of
from mctl.recipe import CompressSettings

ROUNDS = 5
SPARE = CompressSettings().vocab_spare
# Run on its own: what it takes to have a model and its tokenizer ready, and what the process then held at most.
LOADING = """
import json, re, sys, time
from pathlib import Path
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer
torch.set_num_threads(1)
# Not getrusage: what it says begins with what the parent held.
peak = lambda: int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024
before = peak()
start = time.perf_counter()
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
model = AutoModelForSequenceClassification.from_pretrained(sys.argv[1]).eval()
model(**tokenizer("x", return_tensors="pt"))
seconds = time.perf_counter() - start
print(json.dumps([seconds, peak(), before]))
"""


@dataclass(frozen=True)
class Variant:
    """One way to trim."""

    name: str
    spare: int
    corpora: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Teacher:
    """A fine-tuned classifier, and what it says of each split."""

    folder: Path
    tokenizer: Any
    model: Any
    max_length: int
    logits: dict[str, np.ndarray]


def all_logits(model: Any, tokenizer: Any, texts: tuple[str, ...], max_length: int) -> np.ndarray:
    """(texts, classes) float32."""
    names = input_names(tokenizer, model)
    return logits_of(TorchClassifier(model, names), tokenizer, texts, names, max_length, 32)


def load_teacher(folder: Path, data: Dataset, max_length: int) -> Teacher:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    splits = data.splits.items()
    logits = {str(name): all_logits(model, tokenizer, tuple(split.texts), max_length) for name, split in splits}
    return Teacher(folder, tokenizer, model, max_length, logits)


def trimmed_as(variant: Variant, teacher: Teacher, texts: tuple[str, ...]) -> Trimmed:
    usage = usage_of(teacher.tokenizer, texts)
    for path in variant.corpora:
        usage += usage_of(teacher.tokenizer, Corpus(path))
    return trim(copy.deepcopy(teacher.model), teacher.tokenizer, usage, variant.spare)


def unknown_percent(tokenizer: Any, texts: tuple[str, ...]) -> float:
    counts = usage_of(tokenizer, texts).counts
    return 100.0 * float(counts[tokenizer.unk_token_id]) / int(counts.sum())


def agreement_percent(teacher: Teacher, trimmed: Trimmed, name: str, texts: tuple[str, ...]) -> tuple[float, int]:
    """Share of texts with the label of before, and how many have another."""
    after = all_logits(trimmed.model, trimmed.tokenizer, texts, teacher.max_length)
    same = after.argmax(1) == teacher.logits[name].argmax(1)
    return 100.0 * float(same.mean()), int((~same).sum())


def row(variant: Variant, teacher: Teacher, trimmed: Trimmed, data: Dataset) -> tuple[str, dict[str, float]]:
    """A line of the table, and the figures that have bounds."""
    test = tuple(data.splits["test"].texts)
    changed = changed_texts(teacher.tokenizer, trimmed.tokenizer, trimmed.kept_ids, test)
    agreed = {
        name: agreement_percent(teacher, trimmed, name, tuple(data.splits[name].texts))  # type: ignore[index]
        for name in ("train", "dev", "test")
    }
    report = trimmed.report
    cells = [
        variant.name,
        f"{report.tokens_after:,}",
        f"{report.parameters_after / 1e6:.2f}",
        f"{100 * changed.mean():.1f}",
        f"{unknown_percent(teacher.tokenizer, test):.2f} / {unknown_percent(trimmed.tokenizer, test):.2f}",
        *(f"{percent:.2f} ({flips} of {len(data.splits[name])})" for name, (percent, flips) in agreed.items()),  # type: ignore[index]
    ]
    figures = {name: percent for name, (percent, _) in agreed.items()}
    return f"| {' | '.join(cells)} |", figures | {"parameters": float(report.parameters_after)}


def loading_table(folders: dict[str, Path]) -> list[str]:
    """Files, load time and memory, one process after the other."""
    taken: dict[str, list[list[float]]] = {name: [] for name in folders}
    for _ in range(ROUNDS):
        for name, folder in folders.items():
            ran = subprocess.run(
                [sys.executable, "-c", LOADING, str(folder)], capture_output=True, text=True, check=True
            )
            taken[name].append(json.loads(ran.stdout.strip().splitlines()[-1]))
    lines = ["| | model file, MB | tokenizer.json, MB | load and first text, s | peak memory, MB | of it imports, MB |"]
    lines.append("|---|---|---|---|---|---|")
    for name, folder in folders.items():
        seconds, peak, imports = (statistics.median(column) for column in zip(*taken[name], strict=True))
        sizes = [(folder / file).stat().st_size / 1e6 for file in ("model.safetensors", "tokenizer.json")]
        cells = (f"{sizes[0]:.1f}", f"{sizes[1]:.1f}", f"{seconds:.2f}", f"{peak:.0f}", f"{imports:.0f}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def fine_tuned(encoder: Path, data: Path, folder: Path, max_length: int) -> Path:
    """A teacher made of the encoder, as a user would make one."""
    arguments = ["finetune", "--model", str(encoder), "--data", str(data), "--max-length", str(max_length)]
    program = [sys.executable, "-c", "from mctl.cli import main; main()", *arguments, "--artifacts", str(folder)]
    subprocess.run(program, stdout=sys.stderr, check=True)
    return folder / "teacher"


def met(condition: bool) -> str:
    return "met" if condition else "missed"


def bounds(figures: dict[str, float]) -> str:
    return (
        f"{figures['parameters'] / 1e6:.2f} M parameters; bound 35 M: {met(figures['parameters'] <= 35e6)}. "
        f"Agreement on train {figures['train']:.2f} %; bound 100 %: {met(figures['train'] == 100)}. "
        f"On test {figures['test']:.2f} %; bound 99.5 %: {met(figures['test'] >= 99.5)}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("encoder", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--teacher", type=Path)
    parser.add_argument("--corpus", type=Path, action="append", default=[])
    parser.add_argument("--spare", type=int, action="append", default=[])
    parser.add_argument("--corpus-spare", type=int, action="append", default=[], help="spare tokens beside a corpus")
    parser.add_argument("--max-length", type=int, default=64)
    parser.add_argument("--seed", type=int, default=DataSettings().seed, help="of the split that the teacher learnt")
    arguments = parser.parse_args()
    data = load(DataSettings(source=str(arguments.data), seed=arguments.seed))
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.teacher or fine_tuned(
            arguments.encoder, arguments.data, Path(temporary), arguments.max_length
        )
        report(folder, data, arguments, Path(temporary))


def report(folder: Path, data: Dataset, arguments: argparse.Namespace, temporary: Path) -> None:
    teacher = load_teacher(folder, data, arguments.max_length)
    variants = [Variant(f"{spare:,} spare", spare) for spare in (*arguments.spare, SPARE)]
    if arguments.corpus:
        names = ", ".join(path.name for path in arguments.corpus)
        further = arguments.corpus_spare or [SPARE]
        variants += [Variant(f"{spare:,} spare, {names}", spare, tuple(arguments.corpus)) for spare in further]
    before = sum(parameter.numel() for parameter in teacher.model.parameters())
    print(f"Before: {len(teacher.tokenizer):,} tokens, {before / 1e6:.2f} M parameters.\n")
    print("| kept besides what is used | tokens | parameters, M | test texts with other tokens, % |", end="")
    print(" unknown tokens before / after, % | same label, train, % | dev | test |\n|---|---|---|---|---|---|---|---|")
    folders, verdicts = {"before": folder}, list[str]()
    for variant in variants:
        trimmed = trimmed_as(variant, teacher, tuple(data.splits["train"].texts))
        line, figures = row(variant, teacher, trimmed, data)
        print(line, flush=True)
        judged = variant.corpora or variant == Variant(f"{SPARE:,} spare", SPARE)
        verdicts += [f"- {variant.name}: {bounds(figures)}"] if judged else []
        if variant == Variant(f"{SPARE:,} spare", SPARE):
            folders[variant.name] = temporary / "trimmed"
            trimmed.model.save_pretrained(folders[variant.name])
            save_tokenizer(trimmed.tokenizer, folders[variant.name])
    print("\n", "\n".join(verdicts), "\n", sep="")
    print("\n".join(loading_table(folders)))


if __name__ == "__main__":
    main()
