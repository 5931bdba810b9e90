"""`--distill` with and without a value, and what TAB offers."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import pytest
from command import mctl
from hypothesis import given
from hypothesis import strategies as st

from mctl.cli import with_values
from mctl.errors import UserError
from mctl.recipe import DEFAULT_SIGNALS, CompressSettings, Recipe, load_recipe
from mctl.recipe_file import recipe_text

words = st.sampled_from(["compress", "--layers", "6", "--distill", "logits", "-q", "--distill=logits", "x y"])


def asked(folder: Path, *arguments: object) -> CompressSettings:
    """The settings that a command line amounts to."""
    with mock.patch("mctl.pipeline.compress.compress", side_effect=UserError("stopped.")) as compress:
        ran = mctl("compress", *arguments, cwd=folder)
    assert ran.err.strip() == "error: stopped."
    recipe: Recipe = compress.call_args.args[0]
    return recipe.compress


@pytest.mark.parametrize(
    ("arguments", "signals"),
    [
        ([], ()),
        (["--distill"], DEFAULT_SIGNALS),
        (["--prune", "30", "--distill"], DEFAULT_SIGNALS),
        (["--distill", "--prune", "30"], DEFAULT_SIGNALS),
        (["--distill", "-q"], DEFAULT_SIGNALS),
        (["--distill", "logits"], ("logits",)),
        (["--distill", "relations, logits", "--prune", "30"], ("logits", "relations")),
        (["--distill=logits,hidden,relations", "--prune", "30"], ("logits", "hidden", "relations")),
        (["--no-distill"], ()),
    ],
)
def test_the_flag_alone_and_with_signals(tmp_path: Path, arguments: list[str], signals: tuple[str, ...]) -> None:
    assert asked(tmp_path, *arguments).distill == signals


@pytest.mark.parametrize(
    ("value", "signals"),
    [
        ("true", DEFAULT_SIGNALS),
        ("false", ()),
        ("[]", ()),
        ('["logits"]', ("logits",)),
        ('["relations", "logits", "logits"]', ("logits", "relations")),
        ('"logits,hidden"', ("logits", "hidden")),
    ],
)
def test_the_setting_in_a_recipe_and_a_flag_that_beats_it(tmp_path: Path, value: str, signals: tuple[str, ...]) -> None:
    (tmp_path / "mctl.toml").write_text(f"[compress]\ndistill = {value}\n", encoding="utf-8")
    assert asked(tmp_path).distill == signals
    assert asked(tmp_path, "--no-distill").distill == ()
    assert asked(tmp_path, "--distill", "logits,relations").distill == ("logits", "relations")


@given(arguments=st.lists(words, max_size=6), rest=st.lists(words, max_size=3))
def test_only_a_bare_flag_is_given_a_value(arguments: list[str], rest: list[str]) -> None:
    filled = with_values(arguments)
    assert [word for word in filled if word != "default"] == arguments
    for position, word in enumerate(filled):
        bare = word == "--distill"
        following = filled[position + 1] if position + 1 < len(filled) else ""
        assert (following == "default") == (bare and following not in {"logits", "6", "x y", "compress"})
    assert with_values([*arguments, "--", *rest])[-len(rest) - 1 :] == ["--", *rest]


def test_a_written_recipe_with_signals_loads_again(tmp_path: Path) -> None:
    path = tmp_path / "mctl.toml"
    for given_value in (("logits", "relations"), ["logits"], True, False):
        path.write_text(recipe_text({"compress.distill": given_value, "compress.layers": 6}), encoding="utf-8")
        recipe = load_recipe(path)
        assert recipe.compress == CompressSettings(distill=given_value, layers=6)
    ran = mctl("init", "--full", "--force", cwd=tmp_path)
    assert ran.code == 0, ran.err
    assert "# distill = []\n" in path.read_text(encoding="utf-8")
    for name in CompressSettings.model_fields:
        assert f"\n# {name} = " in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (["compress", "--method", ""], ["movement", "magnitude", "random"]),
        (["compress", "--method", "m"], ["movement", "magnitude"]),
        (["compress", "--structure", ""], ["units", "blocks"]),
        (["compress", "--layers", "2", "--layers-by", ""], ["spacing", "influence"]),
        (["compress", "--mixed-precision", ""], ["no", "bf16", "fp16"]),
        (["finetune", "--mixed-precision", "b"], ["bf16"]),
        (["compress", "--distill", ""], ["logits", "logits,hidden", "logits,relations", "logits,hidden,relations"]),
        (["compress", "--distill", "logits,h"], ["logits,hidden", "logits,hidden,relations"]),
        (["compress", "--distill", "--layers-"], ["--layers-by"]),
    ],
)
def test_tab_offers_the_choices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: list[str], offered: list[str]
) -> None:
    monkeypatch.setenv("_MCTL_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", " ".join(["mctl", *typed]))
    monkeypatch.setenv("COMP_CWORD", str(len(typed)))
    ran = mctl(cwd=tmp_path)
    assert ran.code == 0, ran.err
    assert ran.out.split() == offered
