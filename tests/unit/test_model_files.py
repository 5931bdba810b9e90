"""The weights that are loaded are all there are: names, sizes and types in the files, held against the model."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from models import FAMILIES, small_model
from safetensors.torch import load_file, save_file

from mctl.compression.strip import live_units, strip
from mctl.errors import UserError
from mctl.pipeline.loading import load_classifier
from mctl.pipeline.model_files import is_folder, stored_tensors
from mctl.recipe import ModelSettings

CLASSES = ("a", "b", "c")
Weights = dict[str, torch.Tensor]


def saved(folder: Path, family: str, *, compact: bool = False, **options: Any) -> Weights:
    """A classifier on disk, as transformers writes it; returns its weights."""
    model = small_model(family, **options)
    if compact:
        model = strip(model, live_units(model))
    model.save_pretrained(folder)
    return load_file(folder / "model.safetensors")


def write(folder: Path, weights: Weights) -> ModelSettings:
    """Put other weights in the place of those on disk."""
    contiguous = {name: value.contiguous().clone() for name, value in weights.items()}
    save_file(contiguous, folder / "model.safetensors", {"format": "pt"})
    return ModelSettings(name=str(folder))


def inner(family: str, weights: Weights) -> str:
    """The name of the first query matrix."""
    return next(name for name in weights if ".layer.0." in name and ("query.weight" in name or "q_lin.weight" in name))


def refused(settings: ModelSettings, *words: str, classes: tuple[str, ...] | None = None) -> None:
    """Loading is refused with these words."""
    with pytest.raises(UserError) as refusal:
        load_classifier(settings, classes)
    for word in words:
        assert word in str(refusal.value)


@pytest.mark.parametrize("compact", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_all_weights_are_loaded(family: str, compact: bool, tmp_path: Path) -> None:
    weights = saved(tmp_path, family, compact=compact)
    loaded = load_classifier(ModelSettings(name=str(tmp_path))).state_dict()
    assert loaded.keys() == weights.keys()
    assert all(torch.equal(loaded[name], value) for name, value in weights.items())


@pytest.mark.parametrize("classes", [None, CLASSES])
@pytest.mark.parametrize("compact", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("extra", "reason"),
    [("distance_embedding.weight", "relative positions"), ("lora_A.weight", "LoRA"), ("something.weight", "no place")],
)
def test_a_weight_of_the_encoder_that_is_left_over_is_refused(
    family: str, compact: bool, classes: Any, extra: str, reason: str, tmp_path: Path
) -> None:
    weights = saved(tmp_path, family, compact=compact)
    name = inner(family, weights).replace("query.weight", extra).replace("q_lin.weight", extra)
    refused(write(tmp_path, weights | {name: torch.ones(3, 8)}), name, reason, classes=classes)


@pytest.mark.parametrize("extra", ["prefix_encoder.weight", "invertible_adapters.w", "gate"])
@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_part_of_the_encoder_that_the_family_does_not_have_is_refused(
    family: str, bare: bool, extra: str, tmp_path: Path
) -> None:
    weights = saved(tmp_path, family, layers=1)
    prefix = f"{small_model(family, layers=1).base_model_prefix}."
    if bare:
        weights = {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
    name = extra if bare else prefix + extra
    refused(write(tmp_path, weights | {name: torch.ones(3, 8)}), name, "no place", classes=CLASSES)
    # Heads of pretraining, constants, and a pooler that the family does not use are no such part.
    beside = {"cls.predictions.bias": torch.ones(8), "lm_head.bias": torch.ones(8)}
    within = {"embeddings.position_ids": torch.arange(64)[None]}
    within |= {} if family == "bert" else {"pooler.dense.bias": torch.ones(32)}
    harmless = beside | {("" if bare else prefix) + name: value for name, value in within.items()}
    assert load_classifier(write(tmp_path, weights | harmless), CLASSES).config.id2label[2] == "c"


@pytest.mark.parametrize("family", FAMILIES)
def test_a_head_that_is_left_over_is_refused_in_a_classifier_and_not_in_an_encoder(family: str, tmp_path: Path) -> None:
    weights = saved(tmp_path, family)
    settings = write(tmp_path, weights | {"other_head.weight": torch.ones(3, 8)})
    refused(settings, "other_head.weight")
    assert load_classifier(settings, CLASSES).config.id2label[2] == "c"


@pytest.mark.parametrize("family", FAMILIES)
def test_constants_and_a_pooler_without_use_may_be_left_over(family: str, tmp_path: Path) -> None:
    weights = saved(tmp_path, family)
    prefix = small_model(family).base_model_prefix
    weights[f"{prefix}.embeddings.position_ids"] = torch.arange(64)[None]
    if family != "bert":
        weights[f"{prefix}.pooler.dense.weight"] = torch.ones(32, 32)
    load_classifier(write(tmp_path, weights))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("prefix", "word"), [("module.", "DataParallel"), ("_orig_mod.", "torch.compile"), ("base_model.model.", "PEFT")]
)
def test_names_of_a_wrapped_model_are_refused_and_the_wrapper_named(
    family: str, prefix: str, word: str, tmp_path: Path
) -> None:
    weights = saved(tmp_path, family)
    settings = write(tmp_path, {prefix + name: value for name, value in weights.items()})
    refused(settings, word, "would be random")
    refused(settings, word, "would be random", classes=CLASSES)


@pytest.mark.parametrize("classes", [None, CLASSES])
@pytest.mark.parametrize("family", FAMILIES)
def test_heads_that_were_pruned_before_are_named_by_layer(family: str, classes: Any, tmp_path: Path) -> None:
    weights = saved(tmp_path, family)
    name = inner(family, weights).replace(".layer.0.", ".layer.1.")
    refused(write(tmp_path, weights | {name: weights[name][:16]}), name, "16 x 32 and not 32 x 32", "in layers 1",
            classes=classes)  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES)
def test_half_precision_is_read_and_integers_are_not(family: str, tmp_path: Path) -> None:
    weights = saved(tmp_path, family)
    for kind in (torch.bfloat16, torch.float16, torch.float64):
        halves = {name: value.to(kind) for name, value in weights.items()}
        loaded = load_classifier(write(tmp_path, halves)).state_dict()
        assert all(torch.equal(loaded[name], value.float()) for name, value in halves.items())
    name = inner(family, weights)
    refused(write(tmp_path, weights | {name: weights[name].to(torch.int8)}), "quantised", name, "I8")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("family", FAMILIES)
def test_weights_that_are_no_numbers(family: str, value: float, tmp_path: Path) -> None:
    weights = saved(tmp_path, family)
    name = inner(family, weights)
    weights[name][3, 4] = value
    refused(write(tmp_path, weights), "NaN or infinite", name)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("key", ["num_hidden_layers", "vocab_size", "max_position_embeddings"])
@pytest.mark.parametrize("more", [-1, 1, 90_000_000])
def test_sizes_that_the_files_contradict_are_named_by_their_key(
    family: str, key: str, more: int, tmp_path: Path
) -> None:
    model = small_model(family)
    model.save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    content = json.loads(path.read_text())
    written = model.config.attribute_map.get(key, key)
    content[written] += more
    path.write_text(json.dumps(content))
    for classes in (None, CLASSES):
        refused(ModelSettings(name=str(tmp_path)), f"{key} {content[written]}", classes=classes)


def sharded(folder: Path, family: str = "bert") -> dict[str, Any]:
    """A classifier in several files; returns its index."""
    small_model(family).save_pretrained(folder, max_shard_size="20KB")
    content: dict[str, Any] = json.loads((folder / "model.safetensors.index.json").read_text())
    assert len(set(content["weight_map"].values())) > 2
    return content


@pytest.mark.parametrize("family", FAMILIES)
def test_shards_are_read_together(family: str, tmp_path: Path) -> None:
    index = sharded(tmp_path, family)
    settings = ModelSettings(name=str(tmp_path))
    assert stored_tensors(settings).keys() == index["weight_map"].keys()
    assert load_classifier(settings).state_dict().keys() == index["weight_map"].keys()


def _lose(folder: Path, index: dict[str, Any]) -> str:
    name = sorted(set(index["weight_map"].values()))[1]
    (folder / name).unlink()
    return name


def _swap(folder: Path, index: dict[str, Any]) -> str:
    first, second = sorted(set(index["weight_map"].values()))[:2]
    (folder / second).write_bytes((folder / first).read_bytes())
    return f"{second} lacks weights"


def _outside(folder: Path, index: dict[str, Any]) -> str:
    name = next(iter(index["weight_map"]))
    index["weight_map"][name] = "../model.safetensors"
    return "../model.safetensors"


def _odd(folder: Path, index: dict[str, Any]) -> str:
    index["weight_map"] = list(index["weight_map"])
    return "weight_map has to name a file"


@pytest.mark.parametrize("harm", [_lose, _swap, _outside, _odd])
def test_shards_that_do_not_belong_together(harm: Callable[[Path, dict[str, Any]], str], tmp_path: Path) -> None:
    index = sharded(tmp_path)
    words = harm(tmp_path, index)
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    refused(ModelSettings(name=str(tmp_path)), words)
    refused(ModelSettings(name=str(tmp_path)), words, classes=CLASSES)


def test_an_adapter_beside_a_model_is_not_passed_over(tmp_path: Path) -> None:
    saved(tmp_path, "bert")
    (tmp_path / "adapter_config.json").write_text("{}")
    refused(ModelSettings(name=str(tmp_path)), "adapter of PEFT", "merge_and_unload")


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("bert-base-uncased", False), ("user/model", False), ("user/model@main", False), ("here/nothing", True),
        ("here", True), ("./nothing", True), ("/nothing", True), ("~/nothing", True), ("a/b/c", True),
        ("model.onnx", True), ("nothing/", True), ("two words", True), ("user/model.safetensors", True),
    ],
)  # fmt: skip
def test_which_names_are_paths(name: str, folder: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path)
    assert is_folder(name) is folder


def test_weights_that_only_their_owner_may_read_are_not_weights_in_another_format(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(tmp_path, "bert")
    real = os.access
    hidden = "model.safetensors"
    monkeypatch.setattr(os, "access", lambda path, mode, **more: Path(path).name != hidden and real(path, mode, **more))
    refused(ModelSettings(name=str(tmp_path)), "model.safetensors", "no permission to read", "chmod")
