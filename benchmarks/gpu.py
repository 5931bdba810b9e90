"""mctl's fp16 exports on a GPU, beside PyTorch's own ways: latency, kernels of attention, distance from the hardware.

    python benchmarks/gpu.py MODEL [--levels 0 25 50 75] [--shapes 1x128 8x128 32x128] [--seconds 10]

MODEL is the folder of a classifier or encoder, or "bert-base" for random weights of that shape; masks are drawn at
random, as in inference.py. The script runs with whatever is there: without a GPU, or without onnxruntime's provider for
it, the table says so and holds what is left.

Latency is that of the wall, from arrays on the host to logits on the host, of the sessions that `mctl bench` uses:
bound buffers and CUDA graphs. fp32 is fp32, without TF32. Everybody has a turn in every round. The matrix products' own
time is what the multiply-adds of a call take at the rate that the card is measured to have on one large fp16 product.
Which kernels attention runs is read off a profile of one call without graphs.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from inference import FED, INPUTS, TOKENS, Results, classifier, compiled, masked, multiply_adds, ratio, said
from transformers import AutoModelForSequenceClassification

from mctl.compression.layout import Layout, layout_of
from mctl.compression.strip import live_units, strip
from mctl.exporters import ExportError, OnnxClassifier, TorchClassifier, export_fp32, open_session, to_fp16
from mctl.exporters.runtime import open_classifier
from mctl.pipeline.machine import fingerprint
from mctl.pipeline.timing import Place, Rounds, full_batch, timed
from mctl.progress import Silent

P50_BOUND_MS, P50_SHAPE = 0.6, "1x128"
PRODUCTS_BOUND, PRODUCTS_SHAPE = 1.5, "32x128"
# Parts of the names of kernels that compute attention without writing down its matrix of weights.
FAST_KERNELS = ("flash", "fmha")
EAGER, COMPILED = "PyTorch fp32 eager", "PyTorch fp16 compile"
GRAPHS = "PyTorch fp16 compile, CUDA graphs"


@dataclass(frozen=True)
class Contenders:
    """Who takes part, and who cannot.

    Attributes:
        runners: by name.
        layouts: of mctl's, by name.
        files: of mctl's, by name.
        left_out: by name, why.
    """

    runners: dict[str, Callable[..., Any]]
    layouts: dict[str, Layout]
    files: dict[str, Path]
    left_out: dict[str, str]


def prepare(name: str, levels: list[int], folder: Path) -> Contenders:
    """PyTorch's ways of running the model, and mctl's fp16 exports at every level."""
    torch.manual_seed(0)
    classifier(name).save_pretrained(folder / "model")

    def load() -> Any:
        return AutoModelForSequenceClassification.from_pretrained(folder / "model").eval()

    runners: dict[str, Callable[..., Any]] = {EAGER: TorchClassifier(load().cuda(), INPUTS)}
    runners[COMPILED] = TorchClassifier(compiled(load().half().cuda()), INPUTS)
    runners[GRAPHS] = TorchClassifier(compiled(load().half().cuda(), mode="reduce-overhead"), INPUTS)
    found = Contenders(runners, {}, {}, {})
    for level in levels:
        small = strip(model := masked(load(), level), live_units(model)).eval()
        label = f"mctl fp16 {level} %"
        found.layouts[label] = layout_of(small)
        full, half = folder / f"fp32-{level}.onnx", folder / f"fp16-{level}.onnx"
        export_fp32(small, full, input_names=INPUTS, form="fused")
        to_fp16(full, half)
        found.files[label] = half
        try:
            runners[label] = open_classifier(half, provider="cuda")
        except ExportError as error:
            found.left_out[label] = str(error)
    return found


def rate() -> float:
    """Multiply-adds a second of one large fp16 product, the best of some."""
    size, repeats = 8192, 20
    one, other = (torch.randn(size, size, device="cuda", dtype=torch.float16) for _ in range(2))
    best = 0.0
    for _ in range(5):
        torch.cuda.synchronize()
        started = time.perf_counter()
        for _ in range(repeats):
            one @ other
        torch.cuda.synchronize()
        best = max(best, repeats * size**3 / (time.perf_counter() - started))
    return best


def attention_kernels(path: Path, batch: Mapping[str, np.ndarray]) -> list[str]:
    """Names of the kernels of one call that compute attention the fast way, one for each launch."""
    plain = OnnxClassifier(open_session(path, provider="cuda"))
    plain(batch)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        plain(batch)
        torch.cuda.synchronize()
    return [event.name for event in profile.events() if any(part in event.name.lower() for part in FAST_KERNELS)]


def table(everything: Mapping[str, Results]) -> list[str]:
    """A row a contender: p50 in ms, and how many times as fast as PyTorch in fp32 and compiled in fp16."""
    lines = ["| | " + " | ".join(everything) + " |", "|---" * (len(everything) + 1) + "|"]
    for name in next(iter(everything.values())):
        cells = [
            f"{found[name].p50_ms:.3f} ({said(ratio(found[EAGER], found[name]))}; "
            f"{said(ratio(found[COMPILED], found[name]))})"
            for found in everything.values()
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def at_most(figure: float, bound: float) -> str:
    return "met" if figure <= bound else "missed"


def bounds(name: str, everything: Mapping[str, Results], layouts: Mapping[str, Layout], speed: float) -> list[str]:
    """The unpruned export's distance from what the hardware allows."""
    ours, lines = "mctl fp16 0 %", []
    if name == "bert-base" and ours in everything.get(P50_SHAPE, {}):
        p50 = everything[P50_SHAPE][ours].p50_ms
        lines.append(f"- {P50_SHAPE}: p50 {p50:.3f} ms, at most {P50_BOUND_MS} on Hopper: {at_most(p50, P50_BOUND_MS)}")
    if ours in everything.get(PRODUCTS_SHAPE, {}):
        texts, tokens = map(int, PRODUCTS_SHAPE.split("x"))
        least = 1000 * multiply_adds(layouts[ours], texts, tokens) / speed
        share = everything[PRODUCTS_SHAPE][ours].p50_ms / least
        lines.append(
            f"- {PRODUCTS_SHAPE}: {share:.2f} times the matrix products' own {least:.3f} ms at "
            f"{2 * speed / 1e12:.0f} TFLOP/s, at most {PRODUCTS_BOUND}: {at_most(share, PRODUCTS_BOUND)}"
        )
    return lines


def kernels(found: Contenders, batch: Mapping[str, np.ndarray]) -> list[str]:
    """Whether every layer's attention runs a fast kernel."""
    lines = []
    for name in found.layouts.keys() & found.runners.keys():
        names = attention_kernels(found.files[name], batch)
        layers = len(found.layouts[name].heads)
        verdict = "met" if len(names) >= layers else "missed"
        which = ", ".join(sorted({one.split("<")[0][:60] for one in names})) or "none"
        lines.append(f"- {name}: {len(names)} fast attention kernels for {layers} layers ({which}): {verdict}")
    return sorted(lines)


def race(arguments: argparse.Namespace, found: Contenders) -> None:
    """Time everybody and print the table and the bounds."""
    everything = {}
    for shape in arguments.shapes:
        texts, tokens = map(int, shape.split("x"))
        place = Place("cuda", texts, tokens, 1)
        plan = Rounds(arguments.seconds, fewest=30, most=300, warmup=5)
        everything[shape] = timed(found.runners, full_batch(place, FED, TOKENS), place, Silent(), shape, plan)
    print("\n".join(table(everything)) + "\n")
    lines = bounds(arguments.model, everything, found.layouts, rate())
    lines += kernels(found, full_batch(Place("cuda", 8, 128, 1), FED, TOKENS))
    print("\n".join(lines + [f"- {name}: not run, {reason}" for name, reason in found.left_out.items()]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--levels", type=int, nargs="+", default=[0, 25, 50, 75])
    parser.add_argument("--shapes", nargs="+", default=["1x128", "8x128", "32x128"])
    parser.add_argument("--seconds", type=float, default=10.0, help="for every shape, within 30 and 300 rounds")
    arguments = parser.parse_args()
    versions = f"onnxruntime {onnxruntime.__version__}, torch {torch.__version__}"
    if not torch.cuda.is_available():
        print(f"{arguments.model}, {versions}\n\nNo GPU at hand: not measured.")
        return
    print(f"{arguments.model}, {', '.join(fingerprint()['gpus'])}, {versions}\n")
    with tempfile.TemporaryDirectory() as folder:
        race(arguments, prepare(arguments.model, arguments.levels, Path(folder)))


if __name__ == "__main__":
    main()
