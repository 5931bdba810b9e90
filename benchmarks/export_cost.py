"""What an export costs: processor time and peak memory of a process of its own, mctl's beside optimum's, in turn.

    python benchmarks/export_cost.py [MODEL] [--peers PYTHON] [--rounds 5]

MODEL is the folder of a classifier; without it, random weights in the shape of BERT-base. PYTHON is an environment with
optimum-onnx; without it its row says so. Each export is a new process on one core that imports its libraries, loads the
model and writes an fp32 file: what a user waits for. mctl's own tests of an export come later, in `mctl validate`;
optimum's validation of its file is switched off. Time is what the process had of its core, so that a busy machine does
not count. Peak memory is the kernel's VmHWM, libraries included.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from mctl.validators.statistics import ratio_of_medians

BOUND_TIME, BOUND_MEMORY = 1.0, 3.0
MIB = 2**20

_ENDING = """
with open("/proc/self/status") as status:
    peak = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
print(json.dumps({"seconds": time.process_time(), "peak": peak}))
"""
_BEGINNING = """
import json, sys, time
from pathlib import Path
import torch
torch.set_num_threads(1)
"""
PROGRAMS = {
    "mctl": """
from transformers import AutoModelForSequenceClassification
from mctl.exporters import export_fp32
model = AutoModelForSequenceClassification.from_pretrained(sys.argv[1]).eval()
names = ("input_ids", "attention_mask", "token_type_ids")
export_fp32(model, Path(sys.argv[2]) / "model.onnx", input_names=names)
""",
    "optimum": """
from optimum.exporters.onnx import main_export
main_export(sys.argv[1], sys.argv[2], task="text-classification", do_validation=False, no_post_process=True)
""",
    "PyTorch alone": """
from transformers import AutoModelForSequenceClassification
model = AutoModelForSequenceClassification.from_pretrained(sys.argv[1]).eval()
ids = torch.ones(2, 8, dtype=torch.int64)
free = {0: "batch", 1: "sequence"}
torch.onnx.export(model, (ids, ids, ids), Path(sys.argv[2]) / "model.onnx", dynamo=True, external_data=False,
                  input_names=["input_ids", "attention_mask", "token_type_ids"], opset_version=18, verbose=False,
                  dynamic_shapes=(free, free, free))
""",
}


def run(python: str, name: str, model: Path) -> dict[str, float]:
    """One export in a process of its own."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    with tempfile.TemporaryDirectory() as folder:
        command = [python, "-P", "-c", _BEGINNING + PROGRAMS[name] + _ENDING, str(model), folder]
        ran = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        if ran.returncode:
            raise SystemExit(f"{name}: {ran.stderr}")
        size = sum(path.stat().st_size for path in Path(folder).glob("*.onnx*"))
    found: dict[str, float] = json.loads(ran.stdout.splitlines()[-1]) | {"bytes": size}
    return found


def bert_base(folder: Path) -> Path:
    """Random weights in the shape of BERT-base, with a tokenizer's worth of files that optimum looks for."""
    from transformers import BertConfig, BertForSequenceClassification

    BertForSequenceClassification(BertConfig(num_labels=12)).save_pretrained(folder)
    return folder


def report(runs: Mapping[str, list[dict[str, float]]], weights: int) -> None:
    """The table, and the bounds."""
    print("| | seconds of processor | peak memory, MiB | of the weights | file, MiB |\n|---|---|---|---|---|")
    for name, found in runs.items():
        seconds = [run["seconds"] for run in found]
        peak = max(run["peak"] for run in found)
        spread = f"{statistics.median(seconds):.1f} ({min(seconds):.1f} to {max(seconds):.1f})"
        print(f"| {name} | {spread} | {peak / MIB:.0f} | {peak / weights:.2f} | {found[0]['bytes'] / MIB:.0f} |")
    memory = max(run["peak"] for run in runs["mctl"]) / weights
    print(f"\n- peak memory {memory:.2f} times the weights: {'met' if memory <= BOUND_MEMORY else 'missed'}")
    for name in runs.keys() - {"mctl"}:
        took = ratio_of_medians([run["seconds"] for run in runs["mctl"]], [run["seconds"] for run in runs[name]])
        verdict = "met" if took.low <= BOUND_TIME else "missed"
        print(f"- mctl takes {took.value:.2f} ({took.low:.2f} to {took.high:.2f}) of the time of {name}: {verdict}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", type=Path)
    parser.add_argument("--peers", help="Python of an environment with optimum-onnx")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    pythons = {"mctl": sys.executable, "PyTorch alone": sys.executable}
    if arguments.peers:
        pythons["optimum"] = arguments.peers
    with tempfile.TemporaryDirectory() as folder:
        model = arguments.model or bert_base(Path(folder))
        weights = sum(path.stat().st_size for path in model.glob("*.safetensors"))
        runs: dict[str, list[dict[str, float]]] = {name: [] for name in pythons}
        for _ in range(arguments.rounds):
            for name, python in pythons.items():
                runs[name].append(run(python, name, model))
    print(
        f"{arguments.model or 'BERT-base'}, weights of {weights / MIB:.0f} MiB, {arguments.rounds} rounds, one core\n"
    )
    report(runs, weights)
    if not arguments.peers:
        print("- optimum: not run, no --peers")


if __name__ == "__main__":
    main()
