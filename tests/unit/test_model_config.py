"""Values of config.json that no model can have, or that contradict each other, are refused by their key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from models import FAMILIES, small_config, small_model

from mctl.compression.strip import live_units, strip
from mctl.errors import UserError
from mctl.pipeline.loading import class_order, load_config
from mctl.recipe import ModelSettings

NO_SIZE = (None, 2.0, "2", 0, -1, True, [2], 10**30)
NO_SHARE = ("0.1", -0.1, 1.5, True, [0.1])
WRONG: dict[str, tuple[Any, ...]] = {
    "vocab_size": NO_SIZE,
    "hidden_size": (*NO_SIZE, 31),
    "num_hidden_layers": NO_SIZE,
    "num_attention_heads": (*NO_SIZE, 3),
    "intermediate_size": NO_SIZE,
    "max_position_embeddings": NO_SIZE,
    "pad_token_id": ("0", -1, 1.0, 10**6),
    "initializer_range": ("0.02", -1, None),
    "hidden_act": ("quad", None, 3, ["gelu"]),
    "hidden_dropout_prob": (*NO_SHARE, None),
    "attention_probs_dropout_prob": (*NO_SHARE, None),
    "problem_type": ("one_label", 1, []),
    "id2label": (["a", "b", "c"], {"a": 0}, {"0": ["a"]}, "a", {"-1": "a"}),
    "label2id": (["a"], {"a": "b"}, {"a": None}, "a"),
    "num_labels": ("3", 0, 2.0, 7),
    "position_embedding_type": ("relative_key", "relative_key_query", 1),
    "is_decoder": (True, 1),
    "add_cross_attention": (True,),
    "is_encoder_decoder": (True,),
    "pruned_heads": ({"0": [1]},),
    "quantization_config": ({"load_in_8bit": True},),
    "transformers_weights": ("other.safetensors",),
    "architectures": ("BertModel", 1),
}
OWN = {
    "hidden_act": "activation",
    "hidden_dropout_prob": "dropout",
    "attention_probs_dropout_prob": "attention_dropout",
}
NAMES = {"id2label": {"0": "a", "1": "b", "2": "c"}, "label2id": {"a": 0, "b": 1, "c": 2}}


def edited(folder: Path, family: str, *, compact: bool = False, **values: Any) -> ModelSettings:
    """A folder with the configuration of a small classifier, and these values."""
    if compact:
        model = small_model(family)
        config = strip(model, live_units(model)).config
    else:
        config = small_config(family)
    config.save_pretrained(folder)
    path = folder / "config.json"
    own = config.attribute_map | (OWN if family == "distilbert" else {})
    content = json.loads(path.read_text()) | NAMES
    path.write_text(json.dumps(content | {own.get(key, key): value for key, value in values.items()}))
    return ModelSettings(name=str(folder))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("key", WRONG)
def test_a_wrong_value_is_refused_and_its_key_named(family: str, key: str, tmp_path: Path) -> None:
    for value in WRONG[key]:
        settings = edited(tmp_path, family, **{key: value})
        with pytest.raises(UserError) as refusal:
            class_order(load_config(settings))
        own = small_config(family).attribute_map | (OWN if family == "distilbert" else {})
        assert "config.json" in str(refusal.value), value
        assert own.get(key, key) in str(refusal.value) or key in str(refusal.value) or "positions" in str(refusal.value)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_compressed_model_is_checked_like_others(family: str, tmp_path: Path) -> None:
    assert class_order(load_config(edited(tmp_path, family, compact=True))) == ("a", "b", "c")
    with pytest.raises(UserError, match="vocab_size"):
        load_config(edited(tmp_path, family, compact=True, vocab_size="2"))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    "values",
    [
        {}, {"classifier_dropout": None}, {"problem_type": None}, {"label2id": None}, {"pruned_heads": {}},
        {"position_embedding_type": "absolute"}, {"is_decoder": False}, {"num_labels": 3}, {"torchscript": True},
        {"label2id": {"LABEL_0": 0, "LABEL_1": 1, "LABEL_2": 2}}, {"label2id": {"a": "0", "b": "1", "c": "2"}},
        {"return_dict": False}, {"dtype": "float16"}, {"unheard_of": [1]},
    ],
)  # fmt: skip
def test_what_a_configuration_may_say(family: str, values: dict[str, Any], tmp_path: Path) -> None:
    assert class_order(load_config(edited(tmp_path, family, **values))) == ("a", "b", "c")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ({"a": 2, "b": 1, "c": 0}, ["class 0 is 'a'", "it is 2"]),
        ({"a": 0, "b": 1}, ["class 2 is 'c'", "does not name it"]),
        ({"a": 0, "b": 1, "c": 2, "d": 2}, ["class 2 is 'd'"]),
        ({"a": 0, "b": 1, "C": 2}, ["class 2 is 'c'"]),
    ],
)
def test_names_against_numbers_name_both(family: str, numbers: Any, words: list[str], tmp_path: Path) -> None:
    config = load_config(edited(tmp_path, family, label2id=numbers))
    with pytest.raises(UserError, match="id2label") as refusal:
        class_order(config)
    assert all(word in str(refusal.value) for word in [*words, "label2id"])


def test_one_size_under_two_names(tmp_path: Path) -> None:
    settings = edited(tmp_path, "distilbert")
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"hidden_size": 16}))
    with pytest.raises(UserError, match="hidden_size is 16 and dim, which means the same, is 32"):
        load_config(settings)


@pytest.mark.parametrize(
    "layout", [[], {"heads": [4, 4]}, {"heads": [4], "ffn": [48]}, {"heads": [4, "4"], "ffn": [48, 48]}, 3,
               {"heads": [4, 0], "ffn": [48, 48]}],
)  # fmt: skip
@pytest.mark.parametrize("family", FAMILIES)
def test_a_layout_that_is_none(family: str, layout: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="compact_layout"):
        load_config(edited(tmp_path, family, compact=True, compact_layout=layout))


@pytest.mark.parametrize("content", ["[]", "3", "null", '"bert"', "{", "[" * 100_000, ""])
def test_a_file_that_holds_something_else(content: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(UserError, match=r"config\.json"):
        load_config(ModelSettings(name=str(tmp_path)))
