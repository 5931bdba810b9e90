"""mctl's exports beside its peers: the same weights, one run, in turn.

    python benchmarks/inference.py MODEL [--peers PYTHON] [--levels 0 25 50 75] [--shapes 1x32 1x128 ...] [--seconds 40]

MODEL is the folder of a BERT classifier or encoder of twelve layers, or "bert-base" for random weights of that shape.
Token embeddings are cut to 32,000, since looking up costs the same in any table and twenty models have to fit into
memory. Units are masked at random, by one draw for all peers; accuracy is another benchmark's business. PYTHON is an
environment with optimum-onnx, where peers.py makes the files of optimum and nn_pruning; without it their rows say so.

Everybody has one thread and a turn in every round, on the same random ids without padding, by the clock of the
processor. Ratios are of medians over paired rounds with a 95 % bootstrap interval. int8 is without the search for nodes
that stay in fp32, which depends on texts.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import onnxruntime
import torch
from transformers import AutoModelForSequenceClassification, BertConfig, BertForSequenceClassification

from mctl.compression.budget import Budget
from mctl.compression.families import family_of
from mctl.compression.layout import Layout, layout_of
from mctl.compression.movement import attach_masks, bake_masks
from mctl.compression.strip import live_units, strip
from mctl.exporters import OnnxClassifier, TorchClassifier, export_fp32, open_session, to_fp16, to_int8
from mctl.pipeline.timing import Place, Rounds, full_batch, timed
from mctl.progress import Silent
from mctl.validators.latency import LatencyResult
from mctl.validators.statistics import Ratio, ratio_of_medians

INPUTS = ("input_ids", "attention_mask")
FED = (*INPUTS, "token_type_ids")  # optimum's graph has it as an input
CLASSES = 12
TOKENS = 32_000
INT8_BOUND, INT8_SHAPE = 1.8, "8x128"
STRIP_BOUND, STRIP_SHAPES = 0.9, ("8x128", "32x128")
HEADLINE = 2.56

Results = Mapping[str, LatencyResult]


@dataclass(frozen=True)
class Prepared:
    """Everybody who takes part.

    Attributes:
        runners: by name.
        layouts: by level in percent.
        left_out: who could not take part, and why.
    """

    runners: dict[str, Callable[..., Any]]
    layouts: dict[int, Layout]
    left_out: dict[str, str]


def classifier(name: str) -> Any:
    """The model in PyTorch, its table of tokens cut."""
    if name == "bert-base":
        config = BertConfig(vocab_size=TOKENS, num_labels=CLASSES)
        return BertForSequenceClassification(config).eval()
    model = AutoModelForSequenceClassification.from_pretrained(name, num_labels=CLASSES, ignore_mismatched_sizes=True)
    if model.config.vocab_size > TOKENS:
        model.resize_token_embeddings(TOKENS)
    return model.eval()


def masked(model: Any, level: int) -> Any:
    """`model` with units masked at random and the masks baked in, in the stock layout still."""
    if level:
        family = family_of(model.config)
        masks = attach_masks(model, family, layout_of(model).head_size)
        draw = torch.Generator().manual_seed(level)
        for group in masks.groups:
            group.scores.data.copy_(torch.randn(group.scores.shape, generator=draw))
        masks.set(Budget.of(masks.groups).kept(masks.groups, level / 100))
        bake_masks(model, family)
    return model


def prepare(name: str, levels: list[int], folder: Path, peers: str | None) -> Prepared:
    """Exports of all, and sessions over them."""
    torch.manual_seed(0)
    classifier(name).save_pretrained(folder / "model")
    runners: dict[str, Callable[..., Any]] = {}
    left_out: dict[str, str] = {}
    layouts = {}
    for level in levels:
        model = masked(AutoModelForSequenceClassification.from_pretrained(folder / "model").eval(), level)
        model.save_pretrained(folder / f"masked-{level}")
        small = strip(model, live_units(model)).eval()
        layouts[level] = layout_of(small)
        runners |= {f"mctl {kind} {level} %": session(path) for kind, path in exports(small, level, folder).items()}
    whole = AutoModelForSequenceClassification.from_pretrained(folder / "model").eval()
    runners["PyTorch eager"] = TorchClassifier(whole, INPUTS)
    runners["PyTorch compile"] = TorchClassifier(compiled(whole), INPUTS)
    files = {f"optimum {level}": folder / f"optimum-{level}.onnx" for level in ("O2", "O3")}
    files |= {f"nn_pruning {level} %": folder / f"nn_pruning-{level}.onnx" for level in levels}
    if peers is None:
        left_out = dict.fromkeys(files, "no --peers")
    else:
        # nn_pruning prints what it does.
        subprocess.run([peers, Path(__file__).with_name("peers.py"), folder], check=True, stdout=sys.stderr)
        runners |= {name: session(path) for name, path in files.items()}
    return Prepared(runners, layouts, left_out)


def exports(model: Any, level: int, folder: Path) -> dict[str, Path]:
    """mctl's own files, by precision, as `mctl export` makes them for a CPU."""
    paths = {kind: folder / f"mctl-{kind}-{level}.onnx" for kind in ("fp32", "fp16", "int8")}
    export_fp32(model, paths["fp32"], input_names=INPUTS)
    to_fp16(paths["fp32"], paths["fp16"])
    to_int8(paths["fp32"], paths["int8"])
    return paths


def session(path: Path) -> OnnxClassifier:
    return OnnxClassifier(open_session(path, threads=1))


def compiled(model: Any, **options: Any) -> Any:
    """`torch.compile` as its documentation shows it; it compiles anew for a second shape, with free axes."""
    fast = torch.compile(model, **options)
    fast.config = model.config
    return fast


def ratio(one: LatencyResult, other: LatencyResult) -> Ratio:
    return ratio_of_medians(one.samples_ms, other.samples_ms)


def said(found: Ratio) -> str:
    return f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})"


def level_of(name: str) -> int:
    return int(name.split()[-2]) if name.endswith("%") else 0


def table(everything: Mapping[str, Results]) -> None:
    """A row a contender: median ms and how many times as fast as PyTorch eager, by shape."""
    shapes = list(everything)
    print("| level, % | | " + " | ".join(shapes) + " |\n|---|---|" + "---|" * len(shapes))
    first = everything[shapes[0]]
    for name in sorted(first, key=lambda name: (level_of(name), first[name].p50_ms)):
        cells = []
        for found in everything.values():
            faster = ratio(found["PyTorch eager"], found[name])
            cells.append(f"{found[name].p50_ms:.1f} ({faster.value:.2f})")
        print(f"| {level_of(name)} | {name} | " + " | ".join(cells) + " |")
    print("| | rounds | " + " | ".join(str(found["PyTorch eager"].samples) for found in everything.values()) + " |")


def never_slower(found: Results, levels: list[int]) -> list[str]:
    """mctl fp32 against the fastest peer of the same weights, at every level."""
    lines = []
    for level in levels:
        peers = [name for name in found if not name.startswith("mctl") and level_of(name) == level]
        if not peers:
            continue
        fastest = min(peers, key=lambda name: found[name].p50_ms)
        took = ratio(found[f"mctl fp32 {level} %"], found[fastest])
        verdict = "met" if took.low <= 1 else "missed"
        lines.append(f"{level} %: mctl fp32 takes {said(took)} of the time of {fastest}: {verdict}")
    return lines


def multiply_adds(layout: Layout, texts: int, tokens: int) -> float:
    """Of one call: the matrices of the encoder, attention's two products, the pooler."""
    width = layout.head_size * sum(layout.heads)
    attention = 2 * texts * tokens * tokens * width
    return texts * tokens * layout.weights + attention + texts * layout.hidden_size**2


def strip_efficiency(shape: str, found: Results, layouts: Mapping[int, Layout]) -> list[str]:
    """Measured speed-up of a level over none, of what the multiply-adds allow."""
    texts, tokens = map(int, shape.split("x"))
    lines = []
    for level in (50, 75):
        if level not in layouts or shape not in STRIP_SHAPES:
            continue
        allowed = multiply_adds(layouts[0], texts, tokens) / multiply_adds(layouts[level], texts, tokens)
        measured = ratio(found["mctl fp32 0 %"], found[f"mctl fp32 {level} %"])
        verdict = "met" if measured.value >= STRIP_BOUND * allowed else "missed"
        share = measured.value / allowed
        lines.append(f"{level} %: {said(measured)} times as fast, of {allowed:.2f} possible: {share:.2f}: {verdict}")
    return lines


def factors(found: Results) -> list[str]:
    """The headline, split into what runtime, precision and pruning give."""
    steps = ("PyTorch eager", "mctl fp32 0 %", "mctl int8 0 %", "mctl int8 25 %")
    parts = [ratio(found[before], found[after]) for before, after in pairwise(steps)]
    whole = ratio(found[steps[0]], found[steps[-1]])
    names = ("runtime", "int8", "pruning")
    split = ", ".join(f"{name} {said(part)}" for name, part in zip(names, parts, strict=True))
    verdict = "met" if whole.value >= HEADLINE else "missed"
    fp32 = ratio(found[steps[0]], found["mctl fp32 25 %"])
    return [f"25 % in int8: {said(whole)} times PyTorch fp32 ({split}): {verdict}; in fp32: {said(fp32)}"]


def judge(shape: str, found: Results, layouts: Mapping[int, Layout]) -> list[str]:
    """Every bound that this shape has a say in."""
    lines = never_slower(found, list(layouts)) + strip_efficiency(shape, found, layouts)
    if shape == INT8_SHAPE:
        gain = ratio(found["mctl fp32 0 %"], found["mctl int8 0 %"])
        lines.append(f"int8: {said(gain)} times fp32: {'met' if gain.value >= INT8_BOUND else 'missed'}")
    if 25 in layouts:
        lines += factors(found)
    return [f"- {shape}, {line}" for line in lines]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--peers", help="Python of an environment with optimum-onnx")
    parser.add_argument("--levels", type=int, nargs="+", default=[0, 25, 50, 75])
    parser.add_argument("--shapes", nargs="+", default=["1x32", "1x128", "8x32", "8x128", "32x32", "32x128"])
    parser.add_argument("--seconds", type=float, default=40.0, help="for every shape, within 9 and 60 rounds")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        everybody = prepare(arguments.model, arguments.levels, Path(folder), arguments.peers)
    print(f"{arguments.model}, onnxruntime {onnxruntime.__version__}, torch {torch.__version__}, one thread\n")
    lines = [f"- {name}: not run, {reason}" for name, reason in everybody.left_out.items()]
    everything = {}
    for shape in arguments.shapes:
        texts, tokens = map(int, shape.split("x"))
        place = Place("cpu", texts, tokens, 1)
        plan = Rounds(arguments.seconds, fewest=9, most=60, warmup=2)
        found = timed(everybody.runners, full_batch(place, FED, TOKENS), place, Silent(), shape, plan)
        everything[shape] = found
        lines += judge(shape, found, everybody.layouts)
        print(f"{shape} done", file=sys.stderr, flush=True)
    table(everything)
    print("\n" + "\n".join(lines))


if __name__ == "__main__":
    sys.exit(main())
