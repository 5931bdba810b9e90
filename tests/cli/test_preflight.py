"""A slip in a path or a column is told before torch is imported, in the words of the stage itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from refusal import complaint

WITHOUT_TORCH = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "transformers"}:
            raise AssertionError(f"{name} is imported before the paths are looked at")

sys.meta_path.insert(0, Absent())
from mctl.cli import main
main()
"""
NEWS = ("--data", "news.csv")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["finetune", "--model", "encoder", "--data", "missing.csv"], ["missing.csv", "no such file"]),
        (["finetune", "--model", "encoder", *NEWS, "--text", "nope"], ["news.csv", "no column 'nope'", "--text"]),
        (["finetune", "--model", "encoder", *NEWS, "--test", "missing.csv"], ["--test missing.csv", "no such file"]),
        (["finetune", "--model", "encoder", "--data", "mctl.toml"], ["mctl.toml", "'.toml' is not one of .csv"]),
        (["finetune", "--model", "./missing", *NEWS], ["missing", "no such file or folder"]),
        (["compress", "--teacher", "encoder", "--data", "missing.csv"], ["missing.csv", "no such file"]),
        (["compress", "--teacher", "encoder", *NEWS, "--label", "nope"], ["no column 'nope'", "--label"]),
        (["compress", "--teacher", "./missing", *NEWS], ["missing", "no such file or folder"]),
        (["compress", *NEWS, "--distill-from", "./missing"], ["missing", "no such file or folder"]),
        (["compress", "--test", "missing.csv"], ["--test missing.csv", "no such file"]),
        (["init", "--model", "encoder", "--data", "missing.csv", "-o", "new.toml"], ["missing.csv", "no such file"]),
        (["init", "--model", "./missing", *NEWS, "-o", "new.toml"], ["missing", "no such file or folder"]),
        (["run", "--config", "bad.toml"], ["missing.csv", "no such file"]),
    ],
)
def test_a_slip_is_told_before_torch_is_imported(copy_of_sample: Path, arguments: list[str], words: list[str]) -> None:
    recipe = (copy_of_sample / "mctl.toml").read_text(encoding="utf-8")
    (copy_of_sample / "bad.toml").write_text(recipe.replace('"news.csv"', '"missing.csv"'), encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-P", "-c", WITHOUT_TORCH, *arguments],
        cwd=copy_of_sample,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ran.returncode == 2, ran.stderr
    for word in words:
        assert word in complaint(ran.stderr)
