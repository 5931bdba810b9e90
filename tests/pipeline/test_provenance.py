"""Which models to fine-tune are classifiers already, that may have learnt the texts at hand."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import transformers
from models import FAMILIES, small_config, small_model

from mctl.pipeline.provenance import STARTED_FROM, started_from
from mctl.recipe import ModelSettings

DATA: Any = SimpleNamespace(class_names=("Sports", "Tech"), dataset=SimpleNamespace(sha256="of the data"))
HEADLESS = {
    "bert": ("BertModel", "BertForMaskedLM", "BertForPreTraining", "BertForTokenClassification"),
    "distilbert": ("DistilBertModel", "DistilBertForMaskedLM", "DistilBertForTokenClassification"),
    "electra": ("ElectraModel", "ElectraForPreTraining", "ElectraForMaskedLM", "ElectraForQuestionAnswering"),
    "roberta": ("RobertaModel", "RobertaForMaskedLM", "RobertaForTokenClassification"),
    "xlm-roberta": ("XLMRobertaModel", "XLMRobertaForMaskedLM", "XLMRobertaForTokenClassification"),
}


def found(folder: Path) -> dict[str, str]:
    return started_from(ModelSettings(name=str(folder)), DATA)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    "names",
    [
        {},  # As many as transformers makes up: LABEL_0, LABEL_1, ...
        {"num_labels": 12},
        {"id2label": {0: "खेळ", 1: "तंत्रज्ञान"}, "label2id": {"खेळ": 0, "तंत्रज्ञान": 1}},
        {"id2label": {0: "0", 1: "1"}, "label2id": {"0": 0, "1": 1}},
        {"id2label": {0: "Sports", 1: "Tech"}, "label2id": {"Sports": 0, "Tech": 1}},
        {"architectures": None},
        {"architectures": ["HeadlineTagger"]},
    ],
)
def test_a_trained_head_makes_a_classifier_whatever_its_classes_are_called(
    family: str, names: dict[str, Any], tmp_path: Path
) -> None:
    architectures = {key: value for key, value in names.items() if key == "architectures"}
    options = {key: value for key, value in names.items() if key != "architectures"}
    small_model(family, layers=1, **options).save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text(encoding="utf-8")) | architectures
    path.write_text(json.dumps({key: value for key, value in config.items() if value is not None}), encoding="utf-8")
    assert found(tmp_path) == {STARTED_FROM: str(tmp_path)}


@pytest.mark.parametrize(("family", "name"), [(family, name) for family in FAMILIES for name in HEADLESS[family]])
def test_an_encoder_without_a_head_of_texts_is_none(family: str, name: str, tmp_path: Path) -> None:
    model = getattr(transformers, name)(small_config(family, layers=1))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    model.save_pretrained(tmp_path)
    assert found(tmp_path) == {}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_head_as_it_was_drawn_has_learnt_nothing(family: str, tmp_path: Path) -> None:
    model = small_model(family, layers=1)
    for name, parameter in model.named_parameters():
        if name.startswith(("classifier.", "pre_classifier.")) and name.endswith("bias"):
            torch.nn.init.zeros_(parameter)
    model.save_pretrained(tmp_path)
    assert found(tmp_path) == {}
