"""Files of the user's in the places where commands write: refused before any work, and as they were."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from command import mctl
from refusal import Refused, contents

TEACHER, STUDENT, EXPORT = "artifacts/teacher", "artifacts/prune25-distill", "artifacts/prune25-distill-fp16"


def file(name: str) -> Callable[[Path], None]:
    def plant(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("mine", encoding="utf-8")

    return plant


def link(name: str, to: str) -> Callable[[Path], None]:
    def plant(folder: Path) -> None:
        (folder / "thesis").mkdir(exist_ok=True)
        (folder / name).symlink_to(folder / to)

    return plant


@pytest.mark.parametrize(
    ("plant", "arguments", "words"),
    [
        (file(f"{TEACHER}/notes.txt"), ["finetune", "--epochs", "1"], [TEACHER, "notes.txt", "--artifacts"]),
        (file("out/teacher/thesis.txt"), ["finetune", "--artifacts", "out"], ["out/teacher", "no artifact of mctl"]),
        (file("out/teacher"), ["finetune", "--artifacts", "out"], ["out/teacher", "is a file"]),
        (link("artifacts/prune30-distill", "nowhere"), ["compress", "--prune", "30"], ["prune30-distill", "is a link"]),
        (file("artifacts/prune30/x"), ["compress", "--name", "prune30"], ["--name prune30", "another name"]),
        (file(f"{STUDENT}/x"), ["compress", "--seed", "9"], [STUDENT, "these files in it", ": x."]),
        (file("artifacts/teacher-fp32/x"), ["export", TEACHER, "--fp32"], ["teacher-fp32", "no artifact of mctl"]),
        (file("artifacts/bench/bench.md"), ["bench"], ["bench.md", "--out"]),
        (file("layout.svg"), ["inspect", STUDENT, "--picture", "layout.svg"], ["layout.svg", "--picture"]),
        (link("layout.svg", "nowhere"), ["inspect", STUDENT, "--picture", "layout.svg"], ["a link is in the way"]),
    ],
)
def test_refused_before_any_work_and_as_it_was(
    copy_of_chain: Path, refused: Refused, plant: Callable[[Path], None], arguments: list[str], words: list[str]
) -> None:
    plant(copy_of_chain)
    refused(*arguments, cwd=copy_of_chain, words=words)


def test_a_student_that_would_be_made_again_is_looked_at_before_its_teacher_is_trained(
    copy_of_chain: Path, refused: Refused
) -> None:
    file(f"{STUDENT}/notes.txt")(copy_of_chain)
    recipe = copy_of_chain / "mctl.toml"
    recipe.write_text(recipe.read_text(encoding="utf-8").replace("epochs = 7", "epochs = 6", 1), encoding="utf-8")
    refused("compress", cwd=copy_of_chain, words=[STUDENT, "notes.txt"])
    (copy_of_chain / STUDENT / "notes.txt").unlink()
    file(f"{EXPORT}/notes.txt")(copy_of_chain)
    refused("run", cwd=copy_of_chain, words=[EXPORT, "notes.txt"])


def test_the_folder_of_a_model_is_not_where_its_artifact_goes(copy_of_chain: Path, refused: Refused) -> None:
    """`compress --teacher ./teacher --artifacts .` would put the artifact where the user's own model is."""
    own = (copy_of_chain / TEACHER).rename(copy_of_chain / "teacher")
    (own / "manifest.json").unlink()
    file("teacher/checkpoint-500/optimizer.pt")(copy_of_chain)
    words = ["teacher", "no artifact of mctl: it is kept", "--artifacts"]
    refused("compress", "--teacher", "./teacher", "--artifacts", ".", cwd=copy_of_chain, words=words)


@pytest.mark.parametrize("command", ["finetune", "compress", "run"])
def test_nothing_is_made_in_an_artifact(copy_of_chain: Path, refused: Refused, command: str) -> None:
    words = [f"--artifacts {EXPORT}", "in the artifact prune25-distill-fp16"]
    refused(command, "--artifacts", EXPORT, cwd=copy_of_chain, words=words)


def test_an_artifact_that_is_up_to_date_is_used_whatever_lies_in_it(copy_of_chain: Path) -> None:
    file(f"{TEACHER}/notes.txt")(copy_of_chain)
    before = contents(copy_of_chain)
    ran = mctl("finetune", cwd=copy_of_chain)
    assert ran.code == 0, ran.err
    assert "is up to date" in ran.err
    assert contents(copy_of_chain) == before


def test_an_export_without_one_of_its_files_is_made_again_and_keeps_what_is_not_mctls(copy_of_chain: Path) -> None:
    export = copy_of_chain / EXPORT
    (export / ".git").mkdir()
    (export / ".git" / "HEAD").write_text("ref: refs/heads/main", encoding="utf-8")
    (export / "README.md").write_text("# mine", encoding="utf-8")
    verdicts = sorted(path.name for path in (export / "verdicts").iterdir())
    (export / "config.json").unlink()
    ran = mctl("export", cwd=copy_of_chain)
    assert ran.code == 0, ran.err
    assert (export / "README.md").read_text(encoding="utf-8") == "# mine"
    assert (export / ".git" / "HEAD").read_text(encoding="utf-8") == "ref: refs/heads/main"
    assert sorted(path.name for path in (export / "verdicts").iterdir()) == verdicts
    assert not (export / "validation.json").exists(), "that verdict was on another file"
    assert mctl("inspect", EXPORT, cwd=copy_of_chain).code == 0


def test_names_that_are_not_utf8_are_refused_before_training(copy_of_sample: Path, refused: Refused) -> None:
    odd = b"caf\xe9".decode("utf-8", "surrogateescape")
    for arguments in (
        ("finetune", "--data", f"{odd}.csv"),
        ("finetune", "--model", odd),
        ("compress", f"--teacher={odd}"),
        ("export", "--artifacts", odd),
        ("validate", odd),
        ("bench", "--out", odd),
        ("inspect", "--config", odd),
        ("predict", "--artifact", odd, "text"),
    ):
        assert "this name is not UTF-8" in refused(*arguments, cwd=copy_of_sample)
    place = copy_of_sample / odd
    place.mkdir()
    assert "the current folder" in refused("finetune", cwd=place)
