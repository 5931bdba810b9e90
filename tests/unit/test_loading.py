"""Encoders of every family, as they are published: without a head, with another head, or with parts missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from encoders import tiny_encoder
from models import FAMILIES, small_config, small_model
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer

from mctl.compression.families import family_of
from mctl.errors import UserError
from mctl.pipeline.loading import class_order, load_classifier, load_tokenizer
from mctl.recipe import ModelSettings

CLASSES = ("sports", "health", "politics", "farming")
TEXTS = ["मुंबईत आज जोरदार पाऊस", "क्रिकेट सामन्यात भारताचा विजय", "शेअर बाजारात मोठी घसरण"] * 20
PRETRAINED = {
    "bert": ("BertModel", "BertForMaskedLM", "BertForPreTraining"),
    "distilbert": ("DistilBertModel", "DistilBertForMaskedLM"),
    "electra": ("ElectraModel", "ElectraForPreTraining"),
    "roberta": ("RobertaModel", "RobertaForMaskedLM"),
    "xlm-roberta": ("XLMRobertaModel", "XLMRobertaForMaskedLM"),
}


def encoder_weights(model: Any) -> dict[str, torch.Tensor]:
    """All weights but those of heads and poolers, by their name within the base model."""
    base = getattr(model, "base_model", model)
    return {name: value for name, value in base.state_dict().items() if not name.startswith("pooler")}


@pytest.mark.parametrize(("family", "name"), [(family, name) for family in FAMILIES for name in PRETRAINED[family]])
def test_an_encoder_is_taken_from_under_whatever_head_it_was_trained(family: str, name: str, tmp_path: Path) -> None:
    torch.manual_seed(3)
    source = getattr(transformers, name)(small_config(family))
    source.save_pretrained(tmp_path)
    model = load_classifier(ModelSettings(name=str(tmp_path)), CLASSES)
    expected, loaded = encoder_weights(source), encoder_weights(model)
    assert expected.keys() == loaded.keys()
    assert all(torch.equal(loaded[key], value) for key, value in expected.items())
    assert class_order(model.config) == CLASSES
    assert model.config.problem_type == "single_label_classification"


def lacking() -> list[tuple[str, str]]:
    """One weight of the layers and all kinds of embeddings, by family."""
    found = []
    for family in FAMILIES:
        names = [name for name, _ in small_model(family, layers=1).named_parameters()]
        found += [(family, name) for name in names if ".embeddings" in name and name.endswith("weight")]
        found.append((family, next(name for name in names if ".layer.0." in name)))
    return found


@pytest.mark.parametrize(("family", "missing"), lacking())
def test_an_encoder_that_lacks_a_part_is_refused(family: str, missing: str, tmp_path: Path) -> None:
    small_model(family, layers=1).save_pretrained(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    del weights[missing]
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(UserError, match="encoder weights are missing") as refused:
        load_classifier(ModelSettings(name=str(tmp_path)), CLASSES)
    assert missing in refused.value.what


@pytest.mark.parametrize("family", FAMILIES)
def test_a_classifier_of_several_labels_is_refused(family: str) -> None:
    with pytest.raises(UserError, match="only one label a text"):
        class_order(small_config(family, problem_type="multi_label_classification"))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_tokenizer_gives_what_its_model_takes_and_goes_on_to_when_saved(family: str, tmp_path: Path) -> None:
    tiny_encoder(tmp_path / "encoder", family, TEXTS)
    settings = ModelSettings(name=str(tmp_path / "encoder"))
    tokenizer = load_tokenizer(settings)
    model = load_classifier(settings, CLASSES)
    taken = family_of(model.config).inputs()
    tokenizer.save_pretrained(tmp_path / "saved")
    for reader in (tokenizer, AutoTokenizer.from_pretrained(tmp_path / "saved")):
        encoded = reader(TEXTS[:3], padding=True, return_tensors="pt")
        assert set(encoded) <= taken
        assert ("token_type_ids" in encoded) is (family in {"bert", "electra"})
        assert model(**encoded).logits.shape == (3, 4)
