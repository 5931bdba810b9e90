"""The list of mutants can be planted: each text is in its file once, and the test beside it is there."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MUTANTS = tomllib.loads((ROOT / "tests" / "mutants" / "mutants.toml").read_text(encoding="utf-8"))["mutant"]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant["name"])
def test_a_mutant_can_be_planted_and_its_test_is_there(mutant: dict[str, str]) -> None:
    assert (ROOT / mutant["file"]).read_text(encoding="utf-8").count(mutant["before"]) == 1
    assert mutant["after"] != mutant["before"]
    file, _, node = mutant["test"].partition("::")
    tests = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    assert node.partition("[")[0] in {found.name for found in ast.walk(tests) if isinstance(found, ast.FunctionDef)}
