"""`~` is the home folder in every path that a command takes."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import get_type_hints

import pytest
from command import mctl
from refusal import Refused

from mctl.cli import options
from mctl.cli.app import COMMANDS
from mctl.recipe import load_recipe


@pytest.mark.parametrize("name", COMMANDS)
def test_every_path_of_every_command_knows_the_home_folder(name: str) -> None:
    function = getattr(import_module(f"mctl.cli.{name}"), name)
    hints = get_type_hints(function, include_extras=True)
    paths = {key: hint.__metadata__[0] for key, hint in hints.items() if "Path" in str(getattr(hint, "__origin__", ""))}
    assert paths or name == "doctor"
    assert [key for key, info in paths.items() if info.callback is not options.at_home] == []


def test_python_too(chain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mctl import load

    monkeypatch.setenv("HOME", str(chain))
    assert load("~/artifacts/teacher").artifact.folder == chain / "artifacts" / "teacher"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    return folder


def test_artifacts_are_written_to_the_home_folder(copy_of_sample: Path, home: Path) -> None:
    ran = mctl("finetune", "--artifacts=~/made", "--epochs", 1, cwd=copy_of_sample)
    assert (ran.code, ran.out) == (0, f"{home}/made/teacher\n"), ran.err
    assert not (copy_of_sample / "~").exists()


def test_a_home_folder_that_is_none_is_refused(sample: Path, refused: Refused) -> None:
    refused("inspect", "~nobody-at-all/x", cwd=sample, words=["no home folder", "./~nobody-at-all/x"])
    refused("finetune", "--data", "~nobody-at-all/x", cwd=sample, words=["--data", "no home folder"])


def test_a_name_that_begins_with_the_sign_of_home_is_no_home_folder(
    copy_of_sample: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`./~/news.csv` lies in a folder called `~`, also where the home folder has other data of that name."""
    text = (copy_of_sample / "news.csv").read_text(encoding="utf-8")
    (home / "news.csv").write_text(text.replace("Sports", "Others"), encoding="utf-8")
    for name in ("~/news.csv", "~nobody.csv"):
        (copy_of_sample / name).parent.mkdir(exist_ok=True)
        (copy_of_sample / name).write_text(text, encoding="utf-8")
        ran = mctl("init", "--data", f"./{name}", "--output", "other/mctl.toml", "--force", cwd=copy_of_sample)
        assert ran.code == 0, ran.err
        assert "Sports" in ran.err and "Others" not in ran.err
        monkeypatch.chdir(copy_of_sample / "other")
        assert Path(str(load_recipe(Path("mctl.toml")).data.source)).samefile(copy_of_sample / name)
    labelled = mctl("predict", "./~nobody.csv", "--artifact", "nowhere", cwd=copy_of_sample)
    assert "nowhere: no artifact here" in labelled.err
