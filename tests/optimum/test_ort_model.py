"""Exported folders load with optimum's own class and give the same logits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

from mctl.exporters import OnnxClassifier, TorchClassifier, export_fp32, open_session, to_fp16

pytestmark = pytest.mark.optimum
ort_models = pytest.importorskip("optimum.onnxruntime", reason="needs the extra mctl[optimum]")

NAMES = ("input_ids", "attention_mask", "token_type_ids")
TEXTS = ["पाऊस आला", "भारत जिंकला सामना आज", "नवीन चित्रपट", "शेअर बाजार तेजीत आज भारत", "आज", "सामना पाऊस"]


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    words = sorted({word for text in TEXTS for word in text.split()})
    vocabulary = {token: position for position, token in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words])}
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    backend.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_input_names=list(NAMES),
    )


@pytest.fixture(scope="module")
def model(tokenizer: PreTrainedTokenizerFast) -> BertForSequenceClassification:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=128,
        max_position_embeddings=64,
        initializer_range=0.1,
        id2label={0: "क्रीडा", 1: "राज्य", 2: "अर्थ"},
        label2id={"क्रीडा": 0, "राज्य": 1, "अर्थ": 2},
    )
    classifier = BertForSequenceClassification(config).eval()
    with torch.no_grad():  # centred, so that the texts get different labels
        classifier.classifier.bias -= classifier(**tokenizer(TEXTS, padding=True, return_tensors="pt")).logits.mean(0)
    return classifier


@pytest.fixture(scope="module")
def folders(model, tokenizer, tmp_path_factory) -> dict[str, Path]:
    """An fp32 and an fp16 folder: model.onnx, config.json and the tokenizer's files."""
    made = {precision: tmp_path_factory.mktemp(precision) for precision in ("fp32", "fp16")}
    for folder in made.values():
        model.config.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    export_fp32(model, made["fp32"] / "model.onnx", input_names=NAMES)
    to_fp16(made["fp32"] / "model.onnx", made["fp16"] / "model.onnx")
    return made


def tokenized(folder: Path, tensors: str) -> dict[str, object]:
    return dict(AutoTokenizer.from_pretrained(folder)(TEXTS, padding=True, return_tensors=tensors))


@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-4), ("fp16", 5e-3)])
def test_folder_loads_with_optimum_and_gives_the_same_logits(folders, model, precision, tolerance):
    folder = folders[precision]
    ort_model = ort_models.ORTModelForSequenceClassification.from_pretrained(folder, provider="CPUExecutionProvider")
    logits = ort_model(**tokenized(folder, "pt")).logits.numpy()
    inputs = tokenized(folder, "np")
    np.testing.assert_array_equal(logits, OnnxClassifier(open_session(folder / "model.onnx"))(inputs))
    expected = TorchClassifier(model, NAMES)(inputs)
    assert expected.std() > 0.05
    np.testing.assert_allclose(logits, expected, atol=tolerance, rtol=0)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_labels_of_a_pipeline_are_those_of_the_model(folders, model, precision):
    from optimum.onnxruntime import pipeline

    classify = pipeline("text-classification", model=str(folders[precision]))
    labels = [result["label"] for result in classify(TEXTS)]
    classes = TorchClassifier(model, NAMES)(tokenized(folders[precision], "np")).argmax(axis=1)
    assert labels == [model.config.id2label[int(position)] for position in classes]
    assert len(set(labels)) > 1
