"""Flags beat mctl.toml, mctl.toml beats defaults, and what does not fit is refused by name."""

from __future__ import annotations

import codecs
import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import example, given
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


@pytest.mark.parametrize(
    ("text", "flags", "words"),
    [
        ("", {"compress.prune": 50.0, "compress.target_speedup": 2.0}, ["--prune --target-speedup", "only one"]),
        ("[compress]\nprune = 50\ntarget_speedup = 2\n", {}, ["mctl.toml, compress.target_speedup", "only one"]),
        ("[compress]\ntarget_speedup = 1\n", {}, ["compress.target_speedup", "greater than 1"]),
        ("[compress]\ntarget_speedup = inf\n", {}, ["compress.target_speedup", "finite"]),
        ("[compress]\nat = '8 x 32'\n", {}, ["compress.at", "pattern"]),
        ("[compress]\nat = '0x32'\n", {}, ["compress.at", "pattern"]),
        ("[compress]\nround_to = 0\n", {}, ["compress.round_to"]),
        ("", {"compress.on": "tpu"}, ["--on", "'cpu' or 'cuda'"]),
    ],
)
def test_a_speed_up_stands_alone_and_its_settings_are_checked(
    tmp_path: Path, text: str, flags: dict[str, object], words: list[str]
) -> None:
    with pytest.raises(UserError) as caught:
        load_recipe(written(tmp_path, text), flags)
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize(
    ("text", "flags", "expected"),
    [
        ("prune = 50", {"compress.target_speedup": 2.0}, (25.0, 2.0)),
        ("target_speedup = 3", {"compress.prune": 50.0}, (50.0, None)),
        ("target_speedup = 3", {"compress.target_speedup": 2.0, "compress.prune": None}, (25.0, 2.0)),
    ],
)
def test_a_flag_of_one_drops_the_other_from_the_file(
    tmp_path: Path, text: str, flags: dict[str, object], expected: tuple[float, float | None]
) -> None:
    compress = load_recipe(written(tmp_path, f"[compress]\n{text}\n"), flags).compress
    assert (compress.prune, compress.target_speedup) == expected


@given(junk=st.binary(max_size=200))
@example(junk=b"\r")
@example(junk=codecs.BOM_UTF8 + b"version = 2")
def test_no_file_content_gives_a_traceback(junk: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("junk") / "mctl.toml"
    path.write_bytes(junk)
    try:
        load_recipe(path)
    except UserError:
        return
    tomllib.loads(junk.removeprefix(codecs.BOM_UTF8).decode())


def test_the_written_recipe_loads_and_knows_every_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = recipe_text({"model.name": "l3cube-pune/marathi-bert-v2", "data.source": "बातम्या.csv"})
    recipe = load_recipe(written(tmp_path, text))
    assert (recipe.model.name, recipe.data.source) == ("l3cube-pune/marathi-bert-v2", "बातम्या.csv")
    assert recipe.model_copy(update={"model": Recipe().model, "data": Recipe().data}) == Recipe()
    # Every default, uncommented, is accepted and changes nothing.
    uncommented = re.sub(r"^# (\w+ = (?!\.\.\.).*)$", r"\1", text, flags=re.MULTILINE)
    assert uncommented != text
    assert load_recipe(written(tmp_path, uncommented)) == recipe
