"""Flags beat mctl.toml, mctl.toml beats defaults, and what does not fit is refused by name."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mctl.errors import UserError
from mctl.recipe import Recipe, load_recipe
from mctl.recipe_file import recipe_text


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mctl.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_flag_beats_the_file_and_the_file_beats_the_default(tmp_path: Path) -> None:
    path = written(tmp_path, "[compress]\nprune = 50\nseed = 7\n")
    recipe = load_recipe(path, {"compress.prune": 75.0, "compress.seed": None})
    assert (recipe.compress.prune, recipe.compress.seed, recipe.compress.block) == (75.0, 7, 32)


def test_without_a_file_defaults_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_recipe() == Recipe()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[compress]\nprun = 25\n", ["compress.prun", "no such setting"]),
        ("[compress]\nprune = 120\n", ["compress.prune", "less than 100"]),
        ("compress = 3\n", ["compress"]),
        ("[compress\n", ["not TOML"]),
        ("[gate]\nmin_label_agreement = 99\n", ["gate.min_label_agreement"]),
        ("[measure]\ncountry = 'india'\n", ["measure.country"]),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, text: str, words: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        load_recipe(written(tmp_path, text))
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_a_wrong_flag_is_named_as_a_flag() -> None:
    with pytest.raises(UserError, match="--prune"):
        load_recipe(None, {"compress.prune": -5.0})


@given(junk=st.binary(max_size=200))
def test_no_file_content_gives_a_traceback(junk: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("junk") / "mctl.toml"
    path.write_bytes(junk)
    try:
        load_recipe(path)
    except UserError:
        return
    tomllib.loads(junk.decode())


def test_the_written_recipe_loads_and_knows_every_setting(tmp_path: Path) -> None:
    text = recipe_text({"model.name": "l3cube-pune/marathi-bert-v2", "data.source": "बातम्या.csv"})
    recipe = load_recipe(written(tmp_path, text))
    assert (recipe.model.name, recipe.data.source) == ("l3cube-pune/marathi-bert-v2", "बातम्या.csv")
    assert recipe.model_copy(update={"model": Recipe().model, "data": Recipe().data}) == Recipe()
    # Every default, uncommented, is accepted and changes nothing.
    uncommented = re.sub(r"^# (\w+ = (?!\.\.\.).*)$", r"\1", text, flags=re.MULTILINE)
    assert uncommented != text
    assert load_recipe(written(tmp_path, uncommented)) == recipe
