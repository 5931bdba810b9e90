"""The paper's headline on real texts: 25 % pruned, distilled, in int8, against the teacher in PyTorch fp32.

    python benchmarks/headline.py RECIPE... [--student prune25] [--batch-size 8] [--seconds 60]

Every RECIPE is the mctl.toml of a seed, as compression.py writes them, with a teacher and a student in its folder of
artifacts. Both are exported as a user would; accuracy is that on the seed's unseen texts, and time that of one thread
on batches of the same texts, in turn, by the clock of the processor. int8 keeps in fp32 what parity on the dev split
asks for. Seeds share the bounds: of accuracy the mean over seeds counts, of agreement and speed each seed's own.
"""

from __future__ import annotations

import argparse
import shlex
import time
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from compression import paired, run
from inference import HEADLINE, ratio, said
from transformers import AutoTokenizer

from mctl.artifact import load_artifact
from mctl.compression.registration import register
from mctl.pipeline.dataset import load_stage_data
from mctl.pipeline.loading import class_order, load_config
from mctl.pipeline.scoring import Runner, encode, logits_of
from mctl.pipeline.sessions import onnx_runner, torch_runner
from mctl.progress import Silent
from mctl.recipe import ModelSettings, Recipe
from mctl.validators.latency import LatencyResult, measure

ACCURACY_BOUND, AGREEMENT_BOUND = -0.5, 99.0
# What one step after another gives: the runtime, then the precision, then pruning; or pruning, then the precision.
STEPS = {
    "runtime": ("teacher PyTorch", "teacher fp32"),
    "int8": ("teacher fp32", "teacher int8"),
    "pruning": ("teacher int8", "student int8"),
}
WHOLE = ("teacher PyTorch", "student int8")
IN_FP32 = ("teacher PyTorch", "student fp32")


@dataclass(frozen=True)
class Seed:
    """What was found with one recipe.

    Attributes:
        labels: what the authors said, (texts,).
        logits: by contender, (texts, classes).
        latency: by contender.
    """

    labels: np.ndarray
    logits: Mapping[str, np.ndarray]
    latency: Mapping[str, LatencyResult]

    def right(self, name: str) -> np.ndarray:
        """Which texts a contender labels as their author did, (texts,) bool."""
        return np.asarray(self.logits[name].argmax(1) == self.labels)

    def agreement(self, model: str) -> float:
        """Percent of texts on which the int8 export says what its source in PyTorch does."""
        alike = self.logits[f"{model} PyTorch"].argmax(1) == self.logits[f"{model} int8"].argmax(1)
        return 100 * float(alike.mean())


def exported(recipe_file: Path, source: Path, precision: str) -> Path:
    """An export by the command that a user has for it."""
    folder = source.with_name(f"{source.name}-{precision}")
    run(f"mctl export {shlex.quote(str(source))} --{precision} -c {shlex.quote(str(recipe_file))}")
    return folder


def contenders(recipe_file: Path, folders: Mapping[str, Path], names: Sequence[str]) -> dict[str, Runner]:
    """Teacher and student, each in PyTorch, fp32 and int8."""
    runners: dict[str, Runner] = {}
    for model, folder in folders.items():
        runners[f"{model} PyTorch"] = torch_runner(folder, names, "cpu")
        for precision in ("fp32", "int8"):
            runners[f"{model} {precision}"] = onnx_runner(exported(recipe_file, folder, precision), "cpu", 1)
    return runners


def examined(recipe_file: Path, student: str, batch_size: int, seconds: float) -> Seed:
    """Run everybody on the unseen texts of one seed."""
    recipe = Recipe.model_validate(tomllib.loads(recipe_file.read_text(encoding="utf-8")))
    folders = {"teacher": recipe.artifacts / "teacher", "student": recipe.artifacts / student}
    config = load_config(ModelSettings(name=str(folders["teacher"])))
    test = load_stage_data(recipe.data, Silent(), class_order(config)).splits["test"]
    tokenizer, length = AutoTokenizer.from_pretrained(folders["teacher"]), recipe.model.max_length
    first = exported(recipe_file, folders["teacher"], "fp32")
    names = load_artifact(first).manifest.facts["inputs"]
    runners = contenders(recipe_file, folders, names)
    logits = {
        name: logits_of(runner, tokenizer, test.texts, names, length, 32, lambda done: None)
        for name, runner in runners.items()
    }
    starts = range(0, len(test.texts) - batch_size + 1, batch_size)
    batches = [encode(tokenizer, test.texts[start : start + batch_size], names, length) for start in starts]

    def timed(repeats: int) -> dict[str, LatencyResult]:
        return measure(runners, batches, warmup=0, repeats=repeats, clock_ns=time.process_time_ns)

    started = time.monotonic()
    timed(1)
    return Seed(np.array(test.labels), logits, timed(max(2, round(seconds / (time.monotonic() - started)))))


def bound(value: float, least: float) -> str:
    return "met" if value >= least else "missed"


def report(seeds: Sequence[Seed], batch_size: int) -> list[str]:
    """Accuracy by contender and seed, speed-ups with their factors, bounds."""
    count = len(seeds)
    lines = ["| | " + " | ".join(f"recipe {n + 1}: accuracy, %; p50, ms" for n in range(count)) + " |"]
    lines.append("|---" * (count + 1) + "|")
    for name in seeds[0].logits:
        cells = [f"{100 * seed.right(name).mean():.1f}; {seed.latency[name].p50_ms:.1f}" for seed in seeds]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    gap = paired([seed.right(WHOLE[1]).astype(int) - seed.right(WHOLE[0]).astype(int) for seed in seeds])
    lines += [
        "",
        f"- accuracy of the student in int8 less that of the teacher: {gap.value:+.2f} points ({gap.low:+.2f} to "
        f"{gap.high:+.2f}); at least {ACCURACY_BOUND}: {bound(gap.value, ACCURACY_BOUND)}",
    ]
    for number, seed in enumerate(seeds, 1):
        agreement = {model: seed.agreement(model) for model in ("teacher", "student")}
        said_of = ", ".join(
            f"{value:.2f} % of the {model}: {bound(value, AGREEMENT_BOUND)}" for model, value in agreement.items()
        )
        lines.append(f"- recipe {number}: int8 agrees with its source on {said_of} (at least {AGREEMENT_BOUND} %)")
        lines.append(f"- recipe {number}: {speed(seed)}, batches of {batch_size}")
    return lines


def speed(seed: Seed) -> str:
    """The headline of one seed with its factors."""

    def faster(pair: tuple[str, str]) -> str:
        return said(ratio(seed.latency[pair[0]], seed.latency[pair[1]]))

    whole = ratio(seed.latency[WHOLE[0]], seed.latency[WHOLE[1]])
    split = ", ".join(f"{name} {faster(pair)}" for name, pair in STEPS.items())
    return f"{said(whole)} times as fast ({split}): {bound(whole.value, HEADLINE)}; in fp32 {faster(IN_FP32)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", type=Path, nargs="+")
    parser.add_argument("--student", default="prune25")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=60.0, help="of timing, for every recipe")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    register()
    found = [examined(one, arguments.student, arguments.batch_size, arguments.seconds) for one in arguments.recipes]
    print(f"onnxruntime {onnxruntime.__version__}, torch {torch.__version__}, one thread; ", end="")
    print(f"{', '.join(str(len(seed.labels)) for seed in found)} texts\n")
    print("\n".join(report(found, arguments.batch_size)))


if __name__ == "__main__":
    main()
