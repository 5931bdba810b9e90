"""Every command ends by naming the next one, which runs as it is printed."""

from __future__ import annotations

import shlex
import shutil
from dataclasses import replace
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


def test_all_checks_shown_are_not_named_again(chain: Path) -> None:
    artifact = load_artifact(chain / "artifacts" / "prune25-distill-fp16")
    result = result_with("x")
    checks = [result.checks[0].model_copy(update={"group": "accuracy", "verdict": "inconclusive"})]
    result = result.model_copy(update={"verdict": "inconclusive", "checks": checks})
    step = NextStep(Recipe(artifacts=chain / "artifacts"), None, None)
    assert step.after_verdict(result, artifact.folder) == command("report", artifact.folder, "--verbose")
    assert step.after_verdict(result, artifact.folder, seen=True) == command("inspect", artifact.folder)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("test.csv", "test-labelled.csv"),
        ("test.tsv", "test-labelled.tsv"),
        ("test.json", "test-labelled.jsonl"),
        ("test.jsonl.gz", "test-labelled.jsonl"),
        ("test.CSV.gz", "test-labelled.csv"),
        ("test.xlsx", "test-labelled.csv"),
        ("test.parquet", "test-labelled.csv"),
        ("test.txt", None),
    ],
)
def test_texts_to_label_are_those_of_the_test_file_and_never_those_of_the_training(
    chain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, written: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    artifact = load_artifact(chain / "artifacts" / "prune25-distill-fp16")
    step = NextStep(Recipe(artifacts=chain / "artifacts"), None, None)
    one_text = command("predict", "A text to label", "--artifact", artifact.folder)
    assert step.using(artifact) == one_text
    (tmp_path / name).write_text("x", encoding="utf-8")
    recipe = {"data": {"source": str(chain / "news.csv"), "test": str(tmp_path / name)}}
    manifest = artifact.manifest.model_copy(update={"recipe": recipe})
    given = replace(artifact, manifest=manifest)
    labelling = command("predict", tmp_path / name, "--artifact", artifact.folder, "--output", written)
    assert step.using(given) == (labelling if written else one_text)
    report = command("report", artifact.folder)
    assert step.after_prediction(given, of_file=False) == (labelling if written else report)
    assert step.after_prediction(given, of_file=True) == command("bench", artifact.folder)
    if written:
        (tmp_path / written).write_text("labelled", encoding="utf-8")
        assert step.using(given) == one_text
