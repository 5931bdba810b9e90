"""Flags and recipes that do not fit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from command import mctl
from refusal import Refused


@pytest.mark.parametrize(("level", "word"), [("100", "than"), ("-5", "than"), ("nan", "finite")])
def test_prune_levels_that_mean_nothing(copy_of_sample: Path, refused: Refused, level: str, word: str) -> None:
    refused("compress", "--prune", level, cwd=copy_of_sample, words=["--prune", word])


def test_to_remove_nothing_and_to_learn_nothing_is_refused(copy_of_chain: Path, refused: Refused) -> None:
    refused("compress", "--prune", 0, "--no-distill", cwd=copy_of_chain, words=["--prune 0", "--layers", "--distill"])


def test_more_layers_than_the_teacher_has(copy_of_chain: Path, refused: Refused) -> None:
    words = ["--layers", "has 4 layers", "Ask for 4 or fewer"]
    refused("compress", "--layers", 5, cwd=copy_of_chain, words=words)


@pytest.mark.parametrize("signals", ["logit", "hidden", "logits,attention"])
def test_signals_that_there_are_not(copy_of_chain: Path, refused: Refused, signals: str) -> None:
    refused("compress", "--distill", signals, cwd=copy_of_chain, words=["--distill", "logits"])


def test_fp16_training_without_a_gpu(copy_of_chain: Path, refused: Refused) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    words = ["--mixed-precision", "needs a GPU", "bf16"]
    refused("compress", "--mixed-precision", "fp16", cwd=copy_of_chain, words=words)


def test_a_prune_level_that_is_no_number(copy_of_sample: Path) -> None:
    ran = mctl("compress", "--prune", "abc", cwd=copy_of_sample)
    assert ran.code == 2
    assert "Traceback" not in ran.err
    assert "'--prune'" in ran.err
    assert "valid number" in ran.err
    assert not (copy_of_sample / "artifacts").exists()


def test_more_than_can_be_removed_names_the_largest_level(copy_of_chain: Path, refused: Refused) -> None:
    message = refused("compress", "--prune", 99.9, cwd=copy_of_chain, words=["--prune", "every layer keeps a head"])
    # 4 layers of 4 heads and 512 rows; one of each stays.
    weights, kept = 4 * 128 * 128 + 2 * 128 * 512, 128 * 128 + 2 * 128
    assert f"at most {100 * (1 - kept / weights):.1f} %" in message


def test_a_block_that_does_not_tile_is_refused_before_training(copy_of_chain: Path, refused: Refused) -> None:
    words = ["--block", "squares of 7", "128, 512", "divisor of 128"]
    message = refused("compress", "--structure", "blocks", "--block", 7, cwd=copy_of_chain, words=words)
    assert "epoch" not in message


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["compress", "--structure", "foo"], ["--structure", "'units' or 'blocks'", "'foo'"]),
        (["compress", "--distill-weight", "2"], ["--distill-weight", "less than or equal to 1"]),
        (["compress", "--ramp-epochs", "0"], ["--ramp-epochs", "greater than or equal to 1"]),
        (["compress", "--temperature", "0"], ["--temperature", "greater than 0"]),
        (["finetune", "--max-length", "129"], ["--max-length", "129 tokens", "128 positions", "ask for less"]),
        (["finetune", "--max-length", "1"], ["--max-length", "greater than or equal to 2"]),
        (["validate", "--provider", "tpu"], ["--provider", "'cpu' or 'cuda'"]),
        (["validate", "--country", "india"], ["--country", "'india'"]),
        (["validate", "--threads", "0"], ["--threads", "greater than or equal to 1"]),
        (["export", "--fp32", "--fp16"], ["--fp32 --fp16", "one precision at a time", "once for each"]),
        (["inspect", "--picture", "layout.gif"], ["--picture layout.gif", ".png, .svg, .pdf"]),
        (["run", "--config", "other.toml"], ["other.toml", "no such file", "mctl init"]),
    ],
)
def test_flags_that_do_not_fit(copy_of_sample: Path, refused: Refused, arguments: list[str], words: list[str]) -> None:
    refused(*arguments, cwd=copy_of_sample, words=words)


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        ("[compress]\npruned = 50\n", ["mctl.toml, compress.pruned", "no such setting", "mean prune?", "mctl init"]),
        ("[compression]\n", ["mctl.toml, compression", "no such setting"]),
        ("[compress]\nprune = 'half'\n", ["mctl.toml, compress.prune", "valid number", "'half'"]),
        ("[compress\n", ["mctl.toml", "not TOML", "line 1"]),
        ("model = 'bert'\n", ["mctl.toml, model"]),
    ],
)
def test_recipes_that_do_not_fit(copy_of_sample: Path, refused: Refused, recipe: str, words: list[str]) -> None:
    (copy_of_sample / "mctl.toml").write_text(recipe)
    refused("run", cwd=copy_of_sample, words=words)


def test_a_country_that_has_no_carbon_figure(copy_of_chain: Path, refused: Refused) -> None:
    words = ["'XXX'", "--country", "--no-emissions"]
    told = "artifacts/prune25-distill-fp16"
    refused("validate", "--country", "XXX", cwd=copy_of_chain, words=words, error_report=told)
