"""Signals, tutors, names and choices that do not fit."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from classifiers import tiny_classifier
from command import mctl
from refusal import Refused
from reseal import reseal

from mctl.compression.strip import Kept, strip
from mctl.errors import UserError
from mctl.pipeline.finetune import adopt
from mctl.progress import Silent
from mctl.recipe import load_recipe
from mctl.samples import headlines, write_csv

ROWS = headlines(7, 160)
TEXTS = [text for text, _ in ROWS]
NAMES = sorted({label for _, label in ROWS})
RECIPE = '[model]\nmax_length = 16\n[data]\nsource = "news.csv"\n[compress]\nteacher = "classifier"\n'


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data, a recipe, and the artifact of a classifier of two layers, 32 wide. Nothing in it changes."""
    folder = tmp_path_factory.mktemp("refusals")
    write_csv(folder / "news.csv", ROWS)
    tiny_classifier(folder / "classifier", TEXTS, NAMES)
    (folder / "mctl.toml").write_text(RECIPE, encoding="utf-8")
    with contextlib.chdir(folder):
        adopt(load_recipe(), Silent())
    return folder


def tutor(tmp_path: Path, texts: list[str] = TEXTS, names: list[str] = NAMES, **options: Any) -> Path:
    tiny_classifier(tmp_path / "tutor", texts, names, **options)
    return tmp_path / "tutor"


@pytest.mark.parametrize("signals", ["logit", "logits,attention", ",", "true", "logits,"])
def test_signals_that_there_are_not(place: Path, refused: Refused, signals: str) -> None:
    words = [f"--distill: choose from logits, hidden, relations, separated by commas, not '{signals}'."]
    refused("compress", "--distill", signals, cwd=place, words=words)


@pytest.mark.parametrize("signals", ["hidden", "relations,hidden"])
def test_logits_are_always_learnt_from(place: Path, refused: Refused, signals: str) -> None:
    words = ["--distill: logits are always learnt from: write logits,hidden or logits,relations, not"]
    refused("compress", "--distill", signals, cwd=place, words=words)


@pytest.mark.parametrize("value", ['[["logits"]]', '["logits", 3]', "3", '"x"', '["hidden"]', "{ logits = true }"])
def test_signals_in_a_recipe_that_do_not_fit(place: Path, refused: Refused, tmp_path: Path, value: str) -> None:
    recipe = tmp_path / "other.toml"
    recipe.write_text(f"[compress]\ndistill = {value}\n", encoding="utf-8")
    refused("compress", "--config", recipe, cwd=place, words=["other.toml, compress.distill: "])


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--distill", "--no-distill"], ["--no-distill --distill", "Give one"]),
        (["--no-distill", "--distill-from", "classifier"], ["--no-distill --distill-from", "Give one"]),
        (["--distill-from", "classifier"], ["--distill-from classifier", "nothing is learnt", "--distill logits"]),
        (["--distill", "--temperature", "inf"], ["--temperature", "finite"]),
        (["--distill", "--hidden-weight", "nan"], ["--hidden-weight", "finite"]),
        (["--distill", "--relations-weight", "0"], ["--relations-weight", "greater than 0"]),
        (["--distill", "--distill-weight", "1.5"], ["--distill-weight", "less than or equal to 1"]),
        (["--method", "fisher"], ["--method", "'movement', 'magnitude' or 'random'", "'fisher'"]),
        (["--structure", "rows"], ["--structure", "'units' or 'blocks'", "'rows'"]),
        (["--layers", "2", "--layers-by", "size"], ["--layers-by", "'spacing' or 'influence'", "'size'"]),
        (["--mixed-precision", "fp8"], ["--mixed-precision", "'no', 'bf16' or 'fp16'", "'fp8'"]),
        (["--layers", "0"], ["--layers", "greater than or equal to 1"]),
        (["--layers", "3"], ["--layers", "has 2 layers", "Ask for 2 or fewer"]),
    ],
)
def test_flags_that_do_not_fit(place: Path, refused: Refused, flags: list[str], words: list[str]) -> None:
    refused("compress", *flags, cwd=place, words=words)


def test_a_cache_without_an_end_is_no_number_of_gigabytes(place: Path, refused: Refused, tmp_path: Path) -> None:
    recipe = tmp_path / "other.toml"
    recipe.write_text("[compress]\nteacher_cache_gb = inf\n", encoding="utf-8")
    refused("compress", "--config", recipe, cwd=place, words=["compress.teacher_cache_gb", "finite"])


@pytest.mark.parametrize("name", ["", "../else", ".hidden", "a/b", "-x", "a" * 101, "a\nb"])
def test_names_that_are_no_name_of_a_folder(place: Path, refused: Refused, name: str) -> None:
    refused("compress", f"--name={name}", cwd=place, words=["--name: string should"])


def test_a_name_that_is_taken_by_something_else(place: Path, refused: Refused) -> None:
    refused("compress", "--name", "teacher", cwd=place, words=["--name teacher", "the name of the teacher"])
    notes = place / "artifacts" / "notes"
    notes.mkdir()
    (notes / "read.me").write_text("mine", encoding="utf-8")
    refused("compress", "--name", "notes", cwd=place, words=["--name notes", "is no artifact", "another name"])
    other = place / "artifacts" / "other"
    other.mkdir()
    manifest = json.loads((place / "artifacts" / "teacher" / "manifest.json").read_text(encoding="utf-8"))
    facts = {"precision": "fp32", "provider": "cpu", "inputs": ["input_ids"], "outputs": ["logits"], "graph": {}}
    facts |= manifest["facts"] | {"bytes": 1, "fp32_bytes": 1}
    content = manifest | {"files": {}, "kind": "export", "facts": facts}
    (other / "manifest.json").write_text(json.dumps(content), encoding="utf-8")
    reseal(other)
    refused("compress", "--name", "other", cwd=place, words=["--name other", "the export in", "another name"])


def test_a_tutor_that_is_not_there(place: Path, refused: Refused, tmp_path: Path) -> None:
    flags = ("--distill", "--distill-from", tmp_path)
    refused("compress", *flags, cwd=place, words=[str(tmp_path), "not a Transformers model"])


def test_a_tutor_is_looked_for_before_the_teacher_is_made(place: Path, refused: Refused, tmp_path: Path) -> None:
    flags = ("--distill", "--distill-from", tmp_path / "none", "--artifacts", tmp_path / "artifacts")
    refused("compress", *flags, cwd=place, words=["none", "there is no such file or folder"])
    assert not (tmp_path / "artifacts").exists()


def test_a_tutor_that_does_not_know_all_classes(place: Path, refused: Refused, tmp_path: Path) -> None:
    flags = ("--distill", "logits", "--distill-from", tutor(tmp_path, names=NAMES[1:]))
    words = ["--distill-from", "tutor", f"does not know these classes of the teacher: {NAMES[0]!r}.", repr(NAMES[1])]
    refused("compress", *flags, cwd=place, words=words)


def test_a_tutor_whose_classes_have_no_names(place: Path, refused: Refused, tmp_path: Path) -> None:
    names = [f"LABEL_{number}" for number in range(len(NAMES))]
    flags = ("--distill", "logits", "--distill-from", tutor(tmp_path, names=names))
    refused("compress", *flags, cwd=place, words=["does not know", repr(NAMES[0]), "'LABEL_0'"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"heads": 3}, ["hidden size is 24", "the student's is 32"]),
        ({"layers": 1}, ["it has fewer layers (1) than the student (2)"]),
        ({"family": "roberta"}, ["its tokenizer gives the training texts other ids"]),
        ({"texts": TEXTS[:50]}, ["its tokenizer gives the training texts other ids"]),
    ],
)
@pytest.mark.parametrize("signals", ["logits,hidden", "logits,relations"])
def test_a_tutor_whose_tokens_cannot_be_compared(
    place: Path, refused: Refused, tmp_path: Path, options: dict[str, Any], words: list[str], signals: str
) -> None:
    flags = ("--distill", signals, "--distill-from", tutor(tmp_path, **options))
    refused("compress", *flags, cwd=place, words=["--distill-from", *words, "--distill logits"])


def test_a_tutor_with_fewer_heads_has_no_relations_to_compare(place: Path, refused: Refused, tmp_path: Path) -> None:
    whole = tiny_classifier(tmp_path / "tutor", TEXTS, NAMES)
    rows = tuple(range(48))
    strip(whole, Kept(((0, 1, 2, 3), (0, 2)), (rows, rows))).save_pretrained(tmp_path / "tutor")
    flags = ("--distill", "logits,relations", "--distill-from", tmp_path / "tutor")
    refused("compress", *flags, cwd=place, words=["heads of it have been pruned", "--distill logits"])


def test_a_tutor_without_a_tokenizer(place: Path, refused: Refused, tmp_path: Path) -> None:
    folder = tutor(tmp_path)
    for path in folder.glob("tokenizer*"):
        path.unlink()
    words = ["tutor", "no tokenizer"]
    refused("compress", "--distill", "logits", "--distill-from", folder, cwd=place, words=words)


def test_a_distillation_that_is_switched_off_asks_nobody(place: Path, tmp_path: Path) -> None:
    """`--no-distill` is how one compares with and without, also where the recipe names a tutor."""
    recipe = tmp_path / "other.toml"
    recipe.write_text(RECIPE + 'distill_from = "nowhere"\n', encoding="utf-8")
    with mock.patch("mctl.pipeline.compress.make_student", side_effect=UserError("stopped.")) as make_student:
        ran = mctl("compress", "--config", recipe, "--no-distill", cwd=place)
    assert ran.err.strip().endswith("error: stopped.")
    assert make_student.call_args.args[0].tutor is None
