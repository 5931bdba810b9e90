"""Tokenizers of other versions, damaged ones, and those that lose what the texts are made of."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from encoders import tiny_encoder
from models import FAMILIES
from transformers import AutoTokenizer

from mctl.errors import UserError
from mctl.pipeline.loading import check_tokenizer, load_config, load_tokenizer
from mctl.pipeline.model_files import loading
from mctl.pipeline.saving import save_tokenizer
from mctl.pipeline.tokenizer_loss import check_loss, loss_of
from mctl.recipe import ModelSettings

TEXTS = ["मुंबईत आज जोरदार पाऊस", "क्रिकेट सामन्यात भारताचा विजय", "शेअर बाजारात मोठी घसरण"] * 20


class Heard:
    """Progress that keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, message: str) -> None:
        self.said.append(message)

    def start(self, what: str, total: int, done: int = 0) -> None: ...
    def advance(self, done: int, note: str = "") -> None: ...
    def finish(self) -> None: ...


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a JSON file."""
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    "change",
    [
        lambda content: content["model"].update(type="OfTomorrow"),
        lambda content: content.update(pre_tokenizer={"type": "OfTomorrow"}),
        lambda content: content.update(version="9.9"),
        lambda content: content.pop("model"),
        lambda content: content.update(added_tokens="x"),
    ],
)
def test_a_tokenizer_that_the_library_cannot_read(family: str, change: Any, tmp_path: Path) -> None:
    tiny_encoder(tmp_path / "encoder", family, TEXTS)
    edit(tmp_path / "encoder" / "tokenizer.json", change)
    with pytest.raises(UserError, match="tokenizer cannot be loaded") as refusal:
        load_tokenizer(ModelSettings(name=str(tmp_path / "encoder")))
    assert "newer version than tokenizers" in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "values",
    [{"model_max_length": "128"}, {"model_max_length": {}},
     {"padding_side": "middle"}, {"pad_token": 3}, {"added_tokens_decoder": {"x": "y"}},
     {"model_input_names": 3}, {"tokenizer_class": 3}, {"extra_special_tokens": 7}],
)  # fmt: skip
def test_settings_of_a_wrong_type(values: dict[str, Any], tmp_path: Path) -> None:
    tiny_encoder(tmp_path / "encoder", "bert", TEXTS)
    edit(tmp_path / "encoder" / "tokenizer_config.json", lambda content: content.update(values))
    with pytest.raises(UserError, match="tokenizer"):
        load_tokenizer(ModelSettings(name=str(tmp_path / "encoder")))


@pytest.mark.parametrize("family", ["bert", "electra"])
def test_a_token_type_that_the_model_lacks(family: str, tmp_path: Path) -> None:
    tiny_encoder(tmp_path / "encoder", family, TEXTS)
    settings = ModelSettings(name=str(tmp_path / "encoder"))
    config = load_config(settings)
    check_tokenizer(load_tokenizer(settings), config, settings)
    path = tmp_path / "encoder" / "tokenizer.json"
    edit(path, lambda content: content["post_processor"]["single"][0]["SpecialToken"].update(type_id=7))
    with pytest.raises(UserError, match="token type 7, the model has 2 types"):
        check_tokenizer(load_tokenizer(settings), config, settings)


@pytest.mark.parametrize("family", FAMILIES)
def test_what_transformers_5_writes_is_read_by_both(family: str, tmp_path: Path) -> None:
    """A list of extra special tokens, and its own name for a tokenizer."""
    tiny_encoder(tmp_path / "encoder", family, TEXTS)
    path = tmp_path / "encoder" / "tokenizer_config.json"
    edit(path, lambda content: content.update(extra_special_tokens=["<one>"], tokenizer_class="TokenizersBackend"))
    tokenizer = load_tokenizer(ModelSettings(name=str(tmp_path / "encoder")))
    assert tokenizer.convert_ids_to_tokens(tokenizer("<one>", add_special_tokens=False)["input_ids"]) == ["<one>"]
    assert "<one>" in tokenizer.all_special_tokens
    save_tokenizer(tokenizer, tmp_path / "saved")
    saved = AutoTokenizer.from_pretrained(tmp_path / "saved")
    assert "<one>" in saved.all_special_tokens
    assert saved(TEXTS)["input_ids"] == tokenizer(TEXTS)["input_ids"]


def vocabulary_alone(folder: Path, settings: dict[str, Any] | None) -> ModelSettings:
    """An encoder with vocab.txt and no tokenizer.json, and these settings."""
    tiny_encoder(folder, "bert", TEXTS)
    vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    (folder / "vocab.txt").write_text("\n".join(sorted(vocabulary, key=vocabulary.__getitem__)), encoding="utf-8")
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").unlink()
    if settings is not None:
        (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return ModelSettings(name=str(folder))


@pytest.mark.parametrize(
    ("settings", "share", "trained", "new"),
    [
        (None, 0.05, "refused", "said"),
        ({"do_lower_case": True}, 0.05, "said", "said"),
        ({"do_lower_case": False}, 0, "", ""),
        ({"do_lower_case": True, "strip_accents": False}, 0, "", ""),
    ],
)
def test_vowel_signs_that_are_dropped(
    settings: dict[str, Any] | None, share: float, trained: str, new: str, tmp_path: Path
) -> None:
    named = vocabulary_alone(tmp_path / "encoder", settings)
    tokenizer = load_tokenizer(named)
    loss = loss_of(tokenizer, TEXTS)
    assert (loss.share > share) if share else (loss.share == 0)
    assert ("ु" in loss.lost) is bool(share)
    for expected, was_trained in ((trained, True), (new, False)):
        heard = Heard()
        if expected == "refused":
            with pytest.raises(UserError, match=r"drops .* % of the letters and vowel signs") as refusal:
                check_loss(tokenizer, TEXTS, named, heard, trained=was_trained)
            assert '"strip_accents": false' in str(refusal.value)
        else:
            check_loss(tokenizer, TEXTS, named, heard, trained=was_trained)
            assert [("drops" in line) for line in heard.said] == [True] * (expected == "said")


def test_the_share_that_is_lost_is_counted(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(vocabulary_alone(tmp_path / "encoder", None))
    loss = loss_of(tokenizer, ["कु की"])  # Two letters, two signs; ु is stripped and ी is not.
    assert (loss.share, loss.lost) == (0.25, ("ु",))
    assert loss_of(tokenizer, ["ABC Àb"]).share == pytest.approx(1 / 6)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_tokenizer_of_these_texts_loses_nothing(family: str, tmp_path: Path) -> None:
    tiny_encoder(tmp_path / "encoder", family, TEXTS)
    settings = ModelSettings(name=str(tmp_path / "encoder"))
    heard = Heard()
    check_loss(load_tokenizer(settings), TEXTS, settings, heard, trained=True)
    assert heard.said == []


def test_texts_of_another_script_are_unknown(tmp_path: Path) -> None:
    tiny_encoder(tmp_path / "encoder", "bert", TEXTS)
    settings = ModelSettings(name=str(tmp_path / "encoder"))
    heard = Heard()
    check_loss(load_tokenizer(settings), ["வணக்கம் உலகம்"], settings, heard, trained=False)
    assert "100.0 % of the tokens" in heard.said[0]


@pytest.mark.parametrize("error", [KeyError("quad"), AttributeError("items"), Exception("of Rust"), TypeError("x")])
def test_whatever_a_library_raises_is_a_paragraph(error: Exception) -> None:
    settings = ModelSettings(name="there")
    with (
        pytest.raises(UserError, match=r"there: the model cannot be loaded: .*\. Check the files"),
        loading(settings, "the model"),
    ):
        raise error
    with pytest.raises(type(error)), loading(settings.model_copy(update={"trust_remote_code": True}), "the model"):
        raise error
    with pytest.raises(KeyboardInterrupt), loading(settings, "the model"):
        raise KeyboardInterrupt
