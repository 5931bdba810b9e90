"""Which form of graph is fastest, in which precision?

    python benchmarks/graph_forms.py MODEL [--provider cpu] [--shapes 8x32 8x128 32x128] [--rounds 25]

One model, exported in every form and precision and run on the same random ids by one thread of onnxruntime, in turn
and in an order shuffled anew for every round. On a CPU the clock is the processor's, so that what else the machine does
is left out; on a GPU it is the wall's. Ratios are to the plain fp32 graph: of medians over paired rounds, with a
bootstrap interval. int8 here is without the search for nodes that stay in fp32; where it is static, its scales were
fixed on random ids too, which says nothing of its accuracy.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from transformers import AutoModelForSequenceClassification

import mctl  # noqa: F401  (registers the compact models)
from mctl.exporters import OnnxClassifier, export_fp32, open_session, to_fp16, to_int8
from mctl.exporters.ranges import channel_ranges
from mctl.validators.latency import measure
from mctl.validators.statistics import ratio_of_medians

INPUTS = ("input_ids", "attention_mask")
FORMS = ("plain", "attention", "fused")
PRECISIONS = ("fp32", "fp16", "int8")
# onnxruntime's converter knows the types of the standard's older operators and of contrib ones.
LEFT_OUT = {("attention", "fp16"), ("attention", "int8")}


def exports(model: Any, folder: Path) -> dict[str, Path]:
    """Files by "precision form", the plain fp32 graph first."""
    made = {}
    for precision in PRECISIONS:
        for form in FORMS:
            if (form, precision) in LEFT_OUT:
                continue
            full, target = folder / f"fp32-{form}.onnx", folder / f"{precision}-{form}.onnx"
            if precision == "fp32":
                export_fp32(model, target, input_names=INPUTS, form=form)
            elif precision == "fp16":
                to_fp16(full, target)
            elif form == "fused":
                loose = folder / "unpacked.onnx"
                export_fp32(model, loose, input_names=INPUTS, form=form, packed=False)
                to_int8(loose, target)
            else:
                to_int8(full, target)
            made[f"{precision} {form}"] = target
    full, target = folder / "fp32-plain.onnx", folder / "static.onnx"
    to_int8(full, target, ranges=channel_ranges(full, [batch("4x32", model.config.vocab_size)]))
    return made | {"int8 static plain": target}


def batch(shape: str, vocabulary: int) -> dict[str, np.ndarray]:
    """Random ids without padding, (texts, tokens)."""
    texts, tokens = map(int, shape.split("x"))
    ids = np.random.default_rng(0).integers(5, vocabulary, (texts, tokens))
    return {"input_ids": ids, "attention_mask": np.ones_like(ids)}


def compare(files: dict[str, Path], provider: Any, shape: str, rounds: int, vocabulary: int) -> None:
    """Times all of them on one shape and prints the rows of the table."""
    threads = 1 if provider == "cpu" else None
    clock = time.process_time_ns if provider == "cpu" else time.perf_counter_ns
    runners = {
        name: OnnxClassifier(open_session(path, provider=provider, threads=threads)) for name, path in files.items()
    }
    timed = measure(runners, [batch(shape, vocabulary)], warmup=2, repeats=rounds, clock_ns=clock)
    base = timed["fp32 plain"]
    for name, result in timed.items():
        ratio = ratio_of_medians(result.samples_ms, base.samples_ms)
        print(
            f"| {shape} | {name} | {result.p50_ms:.2f} | {ratio.value:.3f} ({ratio.low:.3f} to {ratio.high:.3f}) |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="folder of a classifier, or of an encoder, which gets a classifier of 12 classes")
    parser.add_argument("--provider", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--shapes", nargs="+", default=["8x32", "8x128", "32x128"], help="texts x tokens")
    parser.add_argument("--rounds", type=int, default=25)
    arguments = parser.parse_args()
    model = AutoModelForSequenceClassification.from_pretrained(arguments.model).eval()
    print(f"{arguments.model}, onnxruntime {onnxruntime.__version__}, {arguments.provider}\n")
    print("| texts x tokens | graph | p50, ms | of fp32 plain |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        files = exports(model, Path(folder))
        for shape in arguments.shapes:
            compare(files, arguments.provider, shape, arguments.rounds, model.config.vocab_size)


if __name__ == "__main__":
    main()
