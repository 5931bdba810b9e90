"""The baseline script runs, and places the sample's difficulty between chance and certainty."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "svm_baseline.py"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("seed", ["42", "1"])
def test_the_sample_is_neither_trivial_nor_hopeless(seed):
    done = run("--data", "synthetic", "--seed", seed)
    assert done.returncode == 0, done.stderr
    cells = dict(line.strip("| ").split(" | ") for line in done.stdout.splitlines()[2:])
    assert cells["classes"] == "7"
    assert 0.88 <= float(cells["test accuracy"]) <= 0.95
    assert 0.88 <= float(cells["test macro-F1"]) <= 0.95


def test_bad_data_is_told_without_a_traceback():
    done = run("--data", "missing.csv")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("missing.csv: there is no such file")
