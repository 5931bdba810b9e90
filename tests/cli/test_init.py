"""`mctl init`"""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from command import mctl
from refusal import Refused

from mctl.errors import UserError
from mctl.recipe import Recipe, load_recipe

# A setting without a default is written as `...`: one of these fits it.
SOMETHING = ('"bert"', '"CPU"', '"8x32"', "3", "0.5", "true", '"cuda"', '"fused"', '["some/MatMul"]')


def test_the_file_holds_what_was_given_and_defaults_for_the_rest(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    news = sample / "news.csv"
    ran = mctl("init", "--full", "--model", sample / "encoder", "--data", news, cwd=tmp_path)
    assert (ran.code, ran.out) == (0, "mctl.toml\n"), ran.err
    recipe = load_recipe(tmp_path / "mctl.toml")
    assert (recipe.model.name, recipe.data.source) == (str(sample / "encoder"), str(news))
    rest = recipe.model_dump() | {"model": {}, "data": {}}
    assert rest == Recipe().model_dump() | {"model": {}, "data": {}}


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
    mctl("init", "--full", cwd=tmp_path)
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
    assert mctl("init", "--force", "--data", "news.csv", cwd=copy_of_sample).code == 0
    assert load_recipe(copy_of_sample / "mctl.toml").data.source == "news.csv"


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ((), "--data FILE --model FOLDER_OR_HUB_ID"),
        (("--data", "news.csv"), "--data news.csv --model FOLDER_OR_HUB_ID"),
        (("--model", "encoder"), "--data FILE --model encoder"),
    ],
)
def test_what_is_missing_is_named_and_nothing_but_the_new_file_is_to_be_replaced(
    copy_of_sample: Path, given: tuple[str, ...], named: str
) -> None:
    ran = mctl("init", *given, "--output", "new.toml", cwd=copy_of_sample)
    assert ran.code == 0, ran.err
    assert ran.err.splitlines()[-1] == f"next: mctl init {named} --output new.toml --force"


def test_columns_with_names_of_their_own_are_named_and_said(
    copy_of_sample: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(copy_of_sample)
    header, rows = (copy_of_sample / "news.csv").read_text(encoding="utf-8").split("\n", 1)
    assert header.strip() == "text,label,origin"
    (copy_of_sample / "own.csv").write_text(f"message,feeling,origin\n{rows}", encoding="utf-8")
    (copy_of_sample / "mctl.toml").unlink()
    refused(
        "init", "--data", "own.csv", cwd=copy_of_sample, words=["the flag --label", "'message', 'feeling', 'origin'"]
    )
    named = ("--text", "message", "--label", "feeling")
    ran = mctl("init", "--data", "own.csv", "--model", "encoder", *named, cwd=copy_of_sample)
    assert ran.code == 0, ran.err
    assert "columns: texts in 'message', labels in 'feeling'" in ran.err
    recipe = load_recipe(copy_of_sample / "mctl.toml")
    assert (recipe.data.text, recipe.data.label) == ("message", "feeling")
    ran = mctl("init", "--full", "--force", "--data", "own.csv", *named, cwd=copy_of_sample)
    again = "mctl init --data own.csv --text message --label feeling --model FOLDER_OR_HUB_ID --full --output mctl.toml"
    assert (ran.code, ran.err.splitlines()[-1]) == (0, f"next: {again} --force")
    assert load_recipe(copy_of_sample / "mctl.toml").data == recipe.data


def test_names_with_characters_that_toml_does_not_take_are_written_for_it(
    copy_of_sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(copy_of_sample)
    name = 'del\x7f "quote" \\ back.csv'
    (copy_of_sample / name).write_bytes((copy_of_sample / "news.csv").read_bytes())
    for full in ((), ("--full",)):
        assert mctl("init", "--data", name, "--output", "new.toml", "--force", *full, cwd=copy_of_sample).code == 0
        assert load_recipe(Path("new.toml")).data.source == name


def test_what_is_no_file_is_not_replaced_even_if_asked(copy_of_sample: Path, refused: Refused) -> None:
    link, pipe = copy_of_sample / "link.toml", copy_of_sample / "pipe.toml"
    link.symlink_to("elsewhere.toml")
    os.mkfifo(pipe)
    for path, words in ((link, ["a link"]), (pipe, ["a pipe"]), (copy_of_sample / "encoder", ["a folder"])):
        refused("init", "--output", path, "--force", cwd=copy_of_sample, words=words)
        refused("predict", "text", "--output", path, "--force", cwd=copy_of_sample, words=words)
    assert link.is_symlink()
    assert pipe.is_fifo()


def test_a_recipe_that_comes_while_init_looks_at_the_data_stays(
    copy_of_sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mctl.pipeline import first_look

    look = first_look.look

    def meanwhile(*given: Any) -> Any:
        (copy_of_sample / "new.toml").write_text("# mine", encoding="utf-8")
        return look(*given)

    monkeypatch.setattr(first_look, "look", meanwhile)
    ran = mctl("init", "--data", "news.csv", "--output", "new.toml", cwd=copy_of_sample)
    assert ran.code == 2 and "there already" in ran.err
    assert (copy_of_sample / "new.toml").read_text(encoding="utf-8") == "# mine"


def test_the_recipe_holds_the_lines_that_matter_and_asks_for_a_distilled_student(copy_of_sample: Path) -> None:
    (copy_of_sample / "mctl.toml").unlink()
    ran = mctl("init", "--model", "encoder", "--data", "news.csv", cwd=copy_of_sample)
    assert (ran.code, ran.out) == (0, "mctl.toml\n"), ran.err
    assert "7 classes" in ran.err and "up to 128 tokens" in ran.err and "classes, with their rows: Politics" in ran.err
    assert ran.err.splitlines()[-1] == "next: mctl run"
    text = (copy_of_sample / "mctl.toml").read_text(encoding="utf-8")
    settings = [line for line in text.splitlines() if " = " in line and not line.startswith("#")]
    assert 15 <= len(settings) <= 20
    values = tomllib.loads(text)
    assert values["version"] == 2
    assert values["compress"] | {"prune": 25.0, "distill": True} == values["compress"]
    assert values["data"] == {"source": "news.csv", "text": "text", "label": "label"}


def test_paths_are_written_as_they_are_seen_from_the_recipe(
    copy_of_sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(copy_of_sample)
    rows = (copy_of_sample / "news.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (copy_of_sample / "test.csv").write_text("".join(rows[:100]), encoding="utf-8")
    given = ("--data", "news.csv", "--test", "test.csv", "--model", "encoder", "--output", "below/news.toml")
    ran = mctl("init", *given, cwd=copy_of_sample)
    assert ran.code == 0, ran.err
    assert ran.err.splitlines()[-1] == "next: mctl run --config below/news.toml"
    values = tomllib.loads((copy_of_sample / "below" / "news.toml").read_text(encoding="utf-8"))
    assert (values["data"]["source"], values["data"]["test"]) == ("../news.csv", "../test.csv")
    assert values["model"]["name"] == "../encoder"
    assert Path(load_recipe(Path("below/news.toml")).data.source or "").samefile("news.csv")


def test_what_cannot_be_used_is_refused_before_anything_is_written(copy_of_sample: Path, refused: Refused) -> None:
    (copy_of_sample / "mctl.toml").unlink()
    refused("init", "--data", "nope.csv", "--model", "encoder", cwd=copy_of_sample, words=["nope.csv", "no such file"])
    refused("init", "--data", "news.csv", "--model", "./nope", cwd=copy_of_sample, words=["nope"])
    refused("init", "--model", "encoder", "--teacher", "t", cwd=copy_of_sample, words=["not both"])


def test_a_model_of_a_hub_that_does_not_answer_is_written_unseen_and_said(copy_of_sample: Path) -> None:
    (copy_of_sample / "mctl.toml").unlink()
    ran = mctl("init", "--data", "news.csv", "--model", "user/name", cwd=copy_of_sample)
    assert ran.code == 0, ran.err
    assert "user/name was not looked at" in ran.err
    assert tomllib.loads((copy_of_sample / "mctl.toml").read_text())["model"]["name"] == "user/name"


def test_labels_that_join_others_are_warned_of(tmp_path: Path) -> None:
    labels = ("sports", "politics", "sports,politics")
    lines = [f'"{label} {number}","{label}"' for label in labels for number in range(10)]
    (tmp_path / "news.csv").write_text("\n".join(["text,label", *lines]) + "\n")
    ran = mctl("init", "--data", "news.csv", cwd=tmp_path)
    assert ran.code == 0
    assert "labels_joined: 10, taken for classes of their own" in " ".join(ran.err.split())
