"""Every command ends by naming the next one, which runs as it is printed."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import pytest
from command import Ran, mctl
from results import result_with

from mctl.artifact import load_artifact
from mctl.cli.next_step import NextStep, command
from mctl.recipe import Recipe


def named(ran: Ran) -> list[str]:
    """The command that the last line names, without `mctl`."""
    last = ran.err.splitlines()[-1]
    assert last.startswith("next: mctl "), ran.err
    return shlex.split(last)[2:]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["inspect", "artifacts/teacher"], ["compress"]),
        (["inspect", "artifacts/prune25-distill"], ["export", "artifacts/prune25-distill"]),
        (["inspect"], ["report", "artifacts/prune25-distill-fp16"]),
        (["doctor"], ["run"]),
    ],
)
def test_what_follows_from_the_folder_of_the_recipe(chain: Path, given: list[str], expected: list[str]) -> None:
    assert named(mctl(*given, cwd=chain)) == expected


def test_from_elsewhere_the_recipe_or_the_folder_is_named(chain: Path) -> None:
    below, artifacts = chain / "encoder", "../artifacts"
    assert named(mctl("inspect", f"{artifacts}/teacher", cwd=below)) == [
        *("compress", "--prune", "25", "--distill", "--artifacts", artifacts)
    ]
    assert named(mctl("inspect", f"{artifacts}/prune25-distill", cwd=below))[:2] == [
        *("export", f"{artifacts}/prune25-distill")
    ]


def test_every_command_that_is_named_runs(copy_of_chain: Path) -> None:
    shutil.rmtree(copy_of_chain / "artifacts" / "prune25-distill-fp16")
    given, seen = ["inspect", "artifacts/teacher"], []
    for _ in range(5):
        ran = mctl(*given, cwd=copy_of_chain)
        assert ran.code == 0, ran.err
        seen.append(given[0])
        given = named(ran)
    assert seen == ["inspect", "compress", "export", "validate", "predict"]


def test_names_are_quoted_for_the_shell() -> None:
    assert command("validate", Path("my artifacts/a'b")) == """next: mctl validate 'my artifacts/a'"'"'b'"""
    assert command("run", config=Path("other.toml")) == "next: mctl run --config other.toml"
    assert command("run", config=Path("mctl.toml")) == "next: mctl run"


def test_quiet_commands_name_nothing(chain: Path) -> None:
    assert mctl("export", "--quiet", cwd=chain).err == ""


@pytest.mark.parametrize(
    ("failed", "expected"),
    [
        ("accuracy", "next: mctl compress --prune 12.5 --distill"),
        ("parity", "next: mctl export {}/prune25-distill --fp32"),
        ("latency", "next: mctl bench {}/prune25-distill-fp16"),
        ("integrity", "next: mctl inspect {}/prune25-distill-fp16"),
    ],
)
def test_what_has_failed_says_what_helps(chain: Path, failed: str, expected: str) -> None:
    artifact = load_artifact(chain / "artifacts" / "prune25-distill-fp16")
    result = result_with("x")
    checks = [result.checks[0].model_copy(update={"group": failed, "verdict": "fail"})]
    result = result.model_copy(update={"verdict": "fail", "checks": checks})
    recipe = Recipe(artifacts=chain / "artifacts")
    told = NextStep(recipe, None, None).after_verdict(result, artifact.folder)
    assert told == expected.format(chain / "artifacts")
