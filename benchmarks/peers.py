"""ONNX files of the peers in inference.py, which runs this in an environment of theirs.

    PEERS_PYTHON benchmarks/peers.py FOLDER

FOLDER/model is a stock BERT classifier, FOLDER/masked-L the same with masks of L % baked in. Written beside them:
optimum-O2.onnx and optimum-O3.onnx, and nn_pruning-L.onnx: what nn_pruning's `optimize_model` leaves of a masked model,
exported as PyTorch exports without being told anything. That environment needs `pip install 'mctl[optimum]'`:
`optimize_model` removes heads with a function that transformers 5 has no more.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

import torch
from nn_pruning.inference_model_patcher import optimize_model
from optimum.onnxruntime import ORTModelForSequenceClassification, ORTOptimizer
from optimum.onnxruntime.configuration import AutoOptimizationConfig
from transformers import AutoModelForSequenceClassification


def optimum(folder: Path, level: str) -> None:
    """optimum's export, and onnxruntime's offline optimizations at `level`."""
    with tempfile.TemporaryDirectory(dir=folder) as work:
        exported = ORTModelForSequenceClassification.from_pretrained(folder / "model", export=True)
        ORTOptimizer.from_pretrained(exported).optimize(getattr(AutoOptimizationConfig, level)(), save_dir=work)
        (optimized,) = Path(work).glob("*.onnx")
        shutil.move(optimized, folder / f"optimum-{level}.onnx")


def nn_pruning(masked: Path, target: Path) -> None:
    """nn_pruning's own strip and a plain export."""
    model = optimize_model(AutoModelForSequenceClassification.from_pretrained(masked).eval(), "dense")
    ids = torch.randint(10, 1000, (2, 16))
    names = ["input_ids", "attention_mask"]
    axes = {name: {0: "batch", 1: "sequence"} for name in names} | {"logits": {0: "batch"}}
    torch.onnx.export(
        model.eval(),
        (ids, torch.ones_like(ids)),
        target,
        input_names=names,
        output_names=["logits"],
        dynamic_axes=axes,
        dynamo=False,
    )


def main() -> None:
    folder = Path(sys.argv[1])
    for level in ("O2", "O3"):
        started = time.monotonic()
        optimum(folder, level)
        print(f"optimum {level}: {time.monotonic() - started:.0f} s", file=sys.stderr)
    for masked in sorted(folder.glob("masked-*")):
        nn_pruning(masked, folder / f"nn_pruning-{masked.name.removeprefix('masked-')}.onnx")


if __name__ == "__main__":
    main()
