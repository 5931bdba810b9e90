"""The chain on real Marathi headlines, from a pretrained encoder to two verdicts.

    python benchmarks/mahanews.py ENCODER DATA [--artifacts FOLDER]

Runs the commands that it prints, each as a user would, then reads its tables from the manifests and verdicts that they
left, and trains the baseline of benchmarks/svm_baseline.py on the same split. Stages that are done are not done again.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from svm_baseline import score

from mctl.data import DataSettings, load

ROLES = ("baseline", "source", "export")


def commands(encoder: Path, data: Path, folder: Path) -> list[str]:
    """What is run, in order."""
    at = f"--artifacts {shlex.quote(str(folder))}"
    compressed = shlex.quote(str(folder / "prune25-distill"))
    return [
        f"mctl finetune --model {shlex.quote(str(encoder))} --data {shlex.quote(str(data))} --max-length 64 "
        f"--epochs 6 --learning-rate 1e-4 {at}",
        f"mctl compress --prune 25 --distill --learning-rate 1e-4 {at}",
        f"mctl export {compressed} --fp32 {at}",
        f"mctl validate {compressed}-fp32 --threads 1 {at}",
        f"mctl export {compressed} --fp16 {at}",
        f"mctl validate {compressed}-fp16 --threads 1 {at}",
    ]


def run(command: str) -> int:
    """Run one command; its progress goes to stderr, so that stdout stays a document."""
    program = [sys.executable, "-c", "from mctl.cli import main; main()", *shlex.split(command)[1:]]
    return subprocess.run(program, stdout=sys.stderr, check=False).returncode


def verdict(folder: Path, precision: str) -> dict[str, Any]:
    path = folder / f"prune25-distill-{precision}" / "validation.json"
    return dict(json.loads(path.read_text(encoding="utf-8")))


def models_table(results: dict[str, dict[str, Any]], svm: dict[str, float]) -> list[str]:
    """One row a model: teacher, compressed, both exports, and the linear baseline."""
    head = ("model", "runtime", "accuracy, %", "macro-F1, %", "encoder, M", "embeddings, M", "file, MB")
    rows = [head, ("---",) * len(head)]
    scores = (f"{100 * svm['accuracy']:.1f}", f"{100 * svm['macro_f1']:.1f}")
    rows.append(("char TF-IDF + linear SVM", "scikit-learn", *scores, "", "", ""))
    fp32, fp16 = results["fp32"]["participants"], results["fp16"]["participants"]
    members = [("teacher", "PyTorch fp32", fp32["baseline"]), ("25 % + distillation", "PyTorch fp32", fp32["source"])]
    members += [
        ("25 % + distillation", "ONNX fp32", fp32["export"]),
        ("25 % + distillation", "ONNX fp16", fp16["export"]),
    ]
    for name, runtime, member in members:
        counts = member["parameters"]
        figures = (100 * member["accuracy"], 100 * member["macro_f1"])
        sizes = (counts["encoder"] / 1e6, counts["embeddings"] / 1e6, member["file_bytes"] / 1e6)
        rows.append(
            (name, runtime, *(f"{x:.1f}" for x in figures), *(f"{x:.2f}" for x in sizes[:2]), f"{sizes[2]:.1f}")
        )
    return ["| " + " | ".join(row) + " |" for row in rows]


def speed_table(results: dict[str, dict[str, Any]]) -> list[str]:
    """Latency, ratio and energy, each verdict's participants having been timed in turn with one another."""
    lines = [
        "| timed together | model | p50, ms a batch | p95 | p99 | texts a second | Wh per 1,000 texts | energy |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for precision, result in results.items():
        for role in ROLES:
            member = result["participants"][role]
            latency, energy = member["latency"], member["emissions"] or {}
            hours = f"{1000 * energy['kwh_per_1000_texts']:.3f}" if energy else ""
            times = " | ".join(f"{latency[name]:.1f}" for name in ("p50_ms", "p95_ms", "p99_ms"))
            rate = f"{latency['throughput_texts_per_s']:.0f} | {hours} | {energy.get('source', '')} |"
            lines.append(f"| {precision} run | {role}: {member['name']} | {times} | {rate}")
    return lines


def findings(results: dict[str, dict[str, Any]]) -> list[str]:
    """Ratios and differences with their intervals, parity, and the verdicts."""
    lines = []
    for precision, result in results.items():
        comparison = result["comparison"]
        speed, accuracy, parity = comparison["speedup"], comparison["accuracy"], comparison["parity"]
        gap = accuracy["accuracy_difference_points"]
        lines += [
            f"- {precision}, verdict **{result['verdict']}**: {speed['value']:.2f} x the teacher in PyTorch fp32 "
            f"(95 % interval {speed['low']:.2f} to {speed['high']:.2f});",
            f"  accuracy {gap['value']:+.2f} points against the teacher on {accuracy['texts']} texts (95 % interval "
            f"{gap['low']:+.2f} to {gap['high']:+.2f}; {accuracy['flipped_to_wrong']} texts turned wrong, "
            f"{accuracy['flipped_to_right']} turned right; McNemar p {accuracy['mcnemar_p']:.2f}; "
            f"{accuracy['resolvable_points']:.2f} points can be resolved);",
            f"  parity with its source: largest logit difference {parity['max_abs_logit_diff']:.1e}, label agreement "
            f"{100 * parity['label_agreement']:.2f} %.",
        ]
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("encoder", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--artifacts", type=Path, default=Path("artifacts"))
    arguments = parser.parse_args()
    print("```")
    for command in commands(arguments.encoder, arguments.data, arguments.artifacts):
        code = run(command)
        print(f"$ {command}\n# exit code {code}")
        if code > 1:
            sys.exit(code)
    print("```\n")
    results = {precision: verdict(arguments.artifacts, precision) for precision in ("fp32", "fp16")}
    svm = score(load(DataSettings(source=str(arguments.data))), seed=42)
    machine = results["fp32"]["machine"]
    facts = json.loads((arguments.artifacts / "prune25-distill" / "manifest.json").read_text(encoding="utf-8"))
    rows = facts["data"]["rows"]
    print(f"{rows['train']} training, {rows['dev']} dev and {rows['test']} test headlines. {machine['processor']}, ")
    settings = results["fp32"]["comparison"]["measured_with"]
    print(f"{settings['threads']} thread, batches of {settings['batch_size']} headlines.\n")
    pruning = facts["facts"]["pruning"]
    print(f"{pruning['removed_percent']:.2f} % of the encoder's attention and FFN weights are gone.\n")
    print("\n".join([*models_table(results, svm), "", *speed_table(results), "", *findings(results)]))


if __name__ == "__main__":
    main()
