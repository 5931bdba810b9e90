"""`mctl init`"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from command import mctl
from refusal import Refused

from mctl.errors import UserError
from mctl.recipe import Recipe, load_recipe

# A setting without a default is written as `...`: one of these fits it.
SOMETHING = ('"bert"', '"CPU"', '"8x32"', "3", "0.5", "true", '"cuda"', '"fused"', '["some/MatMul"]')


def test_the_file_holds_what_was_given_and_defaults_for_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = mctl("init", "--model", "./encoder", "--data", "news.csv", "--teacher", "t", cwd=tmp_path)
    assert (ran.code, ran.out) == (0, "mctl.toml\n")
    recipe = load_recipe(tmp_path / "mctl.toml")
    assert (recipe.model.name, recipe.data.source, recipe.compress.teacher) == ("./encoder", "news.csv", "t")
    rest = recipe.model_dump() | {"model": {}, "data": {}, "compress": {}}
    assert rest == Recipe().model_dump() | {"model": {}, "data": {}, "compress": {}}


def settles(path: Path, lines: list[str], index: int, key: str, value: str) -> bool:
    """Whether the file loads once one commented line is a setting."""
    candidates = SOMETHING if value == "..." else (value,)
    for candidate in candidates:
        path.write_text("\n".join([*lines[:index], f"{key} = {candidate}", *lines[index + 1 :]]), encoding="utf-8")
        try:
            load_recipe(path)
        except UserError:
            continue
        return True
    return False


def test_every_commented_setting_is_valid_when_uncommented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    mctl("init", cwd=tmp_path)
    lines = (tmp_path / "mctl.toml").read_text(encoding="utf-8").splitlines()
    tried, section = set(), ""
    for index, line in enumerate(lines):
        if line.startswith("["):
            section = line.strip("[]") + "."
        if match := re.fullmatch(r"# (\w+) = (.*)", line):
            key, value = match.groups()
            assert settles(tmp_path / "one.toml", lines, index, key, value), line
            tried.add(section + key)
    assert tomllib.loads("\n".join(lines)).keys() <= {"version", *Recipe.model_fields}
    known = {"artifacts"} | {
        f"{name}.{key}" for name, field in Recipe().model_dump().items() if isinstance(field, dict) for key in field
    }
    assert tried == known


def test_a_file_that_is_there_is_not_replaced_unless_asked(
    copy_of_sample: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(copy_of_sample)
    refused("init", cwd=copy_of_sample, words=["mctl.toml", "there already", "--force"])
    refused("init", "--output", "encoder", "--force", cwd=copy_of_sample, words=["encoder", "a folder", "--output"])
    assert mctl("init", "--force", "--data", "other.csv", cwd=copy_of_sample).code == 0
    assert load_recipe(copy_of_sample / "mctl.toml").data.source == "other.csv"
