"""Paths in a recipe are relative to the recipe; those of mctl 0.1.0, and flags, to the folder the command runs in."""

from __future__ import annotations

import codecs
import logging
from pathlib import Path
from typing import Any

import pytest

from mctl.data import DataSettings
from mctl.errors import UserError
from mctl.recipe import Recipe, load_recipe
from mctl.recipe_paths import PATHS

EVERY_PATH = """
artifacts = "out"
[data]
source = "news.csv"
[model]
name = "encoder"
[compress]
teacher = "./teacher"
distill_from = "better/one/model"
vocab_corpus = ["a.txt", "/b.txt"]
unlabelled = ["c.txt"]
[gate]
against = "release/validation.json"
[bench]
baseline = "none"
"""


@pytest.fixture
def below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder `below` in the folder that commands run in; both have an encoder."""
    for folder in (tmp_path, tmp_path / "below"):
        (folder / "encoder").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return Path("below")


def values(recipe: Recipe) -> dict[str, Any]:
    """What the recipe holds for each setting that may be a path."""
    found: dict[str, Any] = {}
    for dotted in PATHS:
        value: Any = recipe
        for part in dotted.split("."):
            value = getattr(value, part)
        found[dotted] = str(value) if isinstance(value, Path) else value
    return found


def test_paths_are_seen_from_the_folder_of_the_recipe(below: Path, caplog: pytest.LogCaptureFixture) -> None:
    (below / "mctl.toml").write_text("version = 2\n" + EVERY_PATH, encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        recipe = load_recipe(below / "mctl.toml", {"data.test": None})
    assert values(recipe) == {
        "artifacts": "below/out",
        "data.source": "./below/news.csv",
        "data.test": DataSettings().test,
        "model.name": "below/encoder",
        "compress.teacher": "./below/teacher",
        "compress.distill_from": "./below/better/one/model",
        "compress.vocab_corpus": ("./below/a.txt", "/b.txt"),
        "compress.unlabelled": ("./below/c.txt",),
        "gate.against": "below/release/validation.json",
        "bench.baseline": "none",
    }
    assert caplog.text == ""


def test_a_recipe_of_version_0_1_0_keeps_its_meaning_with_a_warning(
    below: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (below / "mctl.toml").write_text(EVERY_PATH, encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        recipe = load_recipe(below / "mctl.toml")
    assert (str(recipe.artifacts), recipe.data.source, recipe.model.name) == ("out", "news.csv", "encoder")
    assert "below/mctl.toml has no version" in caplog.text
    assert "artifacts, data.source, model.name" in caplog.text
    assert "bench.baseline" not in caplog.text


def test_where_both_readings_are_one_there_is_no_warning(below: Path, caplog: pytest.LogCaptureFixture) -> None:
    Path("mctl.toml").write_text(EVERY_PATH, encoding="utf-8")
    (below / "all.toml").write_text("artifacts = '/out'\n[model]\nname = 'user/name@main'\n", encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        here = load_recipe()
        assert load_recipe(below / "all.toml").model.name == "user/name@main"
    assert values(here)["compress.teacher"] == "./teacher"
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("name", "there", "here", "expected"),
    [
        ("user/name", False, False, "user/name"),
        ("user/name", True, False, "below/user/name"),
        ("user/name", False, True, "./below/user/name"),
        ("bert-base-uncased", False, False, "bert-base-uncased"),
        ("user/name@0f3c", False, False, "user/name@0f3c"),
        ("../encoder", False, False, "below/../encoder"),
    ],
)
def test_a_hub_id_is_no_path_unless_something_is_called_so(
    below: Path, name: str, there: bool, here: bool, expected: str
) -> None:
    for folder, wanted in ((below, there), (Path(), here)):
        if wanted:
            (folder / name).mkdir(parents=True)
    (below / "mctl.toml").write_text(f"version = 2\n[model]\nname = '{name}'\n[data]\nsource = 'user/data'\n")
    recipe = load_recipe(below / "mctl.toml")
    assert (recipe.model.name, recipe.data.source) == (expected, "user/data")


def test_the_default_folder_of_artifacts_is_beside_the_recipe_too(below: Path) -> None:
    (below / "mctl.toml").write_text("version = 2\n", encoding="utf-8")
    recipe = load_recipe(below / "mctl.toml")
    assert recipe.artifacts == below / "artifacts"
    assert "artifacts" not in recipe.model_fields_set, "an export still goes beside its source"
    assert load_recipe(below / "mctl.toml", {"artifacts": Path("a")}).artifacts == Path("a")


def test_a_tilde_is_the_home_folder_in_every_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/of/mine")
    monkeypatch.chdir(tmp_path)
    lists = {"compress.vocab_corpus", "compress.unlabelled"}
    for dotted in sorted(PATHS.keys() - {"data.test"}):
        given: Any = ["~/x"] if dotted in lists else "~/x"
        expected: Any = ("/home/of/mine/x",) if dotted in lists else "/home/of/mine/x"
        assert values(load_recipe(None, {dotted: given}))[dotted] == expected, f"flag of {dotted}"
        *table, key = dotted.split(".")
        head = f"[{table[0]}]\n" if table else ""
        Path("mctl.toml").write_text(f"{head}{key} = {given!r}\n", encoding="utf-8")
        assert values(load_recipe())[dotted] == expected, f"{dotted} in a recipe"
        Path("mctl.toml").unlink()


@pytest.mark.parametrize("where", ["--artifacts", "mctl.toml, artifacts"])
def test_the_home_of_nobody_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    monkeypatch.chdir(tmp_path)
    if where.startswith("mctl"):
        Path("mctl.toml").write_text("artifacts = '~nobody-at-all/x'\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"no home folder for ~nobody-at-all.*\./~nobody") as caught:
        load_recipe(None, {"artifacts": "~nobody-at-all/x"} if where.startswith("-") else None)
    assert caught.value.where == where


def test_every_setting_that_names_a_file_is_known_as_a_path() -> None:
    """A new setting whose type or description says file or folder belongs in PATHS."""
    found = {"artifacts"}
    for section, field in Recipe.model_fields.items():
        for key, inner in getattr(field.annotation, "model_fields", {}).items():
            words = (inner.description or "").lower()
            if inner.annotation in (Path, Path | None) or "folder" in words or "files of" in words:
                found.add(f"{section}.{key}")
    assert found >= {"data.source", "model.name", "compress.unlabelled", "gate.against"}
    assert found <= PATHS.keys()


def test_a_byte_order_mark_is_no_part_of_a_recipe(tmp_path: Path) -> None:
    path = tmp_path / "mctl.toml"
    path.write_bytes(codecs.BOM_UTF8 + b"[compress]\nprune = 50\n")
    assert load_recipe(path).compress.prune == 50


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_utf_16_is_refused_in_words(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "mctl.toml"
    path.write_bytes("[compress]\nprune = 50\n".encode(encoding))
    with pytest.raises(UserError, match=r"UTF-16 or UTF-32, and TOML is UTF-8. Save it as UTF-8"):
        load_recipe(path)


def test_another_encoding_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "mctl.toml"
    path.write_bytes("[data]\nlabel = 'catégorie'\n".encode("latin-1"))
    with pytest.raises(UserError, match="line 2 is not UTF-8"):
        load_recipe(path)


@pytest.mark.parametrize("version", ["3", "0", "'2'", "true", "2.0"])
def test_a_version_that_is_none_is_refused(tmp_path: Path, version: str) -> None:
    path = tmp_path / "mctl.toml"
    path.write_text(f"version = {version}\n", encoding="utf-8")
    with pytest.raises(UserError, match="version 1 or 2"):
        load_recipe(path)
