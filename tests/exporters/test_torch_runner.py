from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from mctl.exporters import ExportError, TorchClassifier

INPUTS = {"input_ids": np.array([[1, 2, 3], [4, 5, 6]]), "attention_mask": np.ones((2, 3), dtype=np.int64)}


class Classifier(nn.Module):
    """Token sums through dropout and a linear layer; what it returns is up to the test."""

    def __init__(self, wrap=lambda logits: logits) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.dropout = nn.Dropout(0.5)
        self.frozen = nn.Dropout(0.5)
        self.output = nn.Linear(3, 4)
        self.wrap = wrap
        self.seen_inference_mode = False

    def forward(self, input_ids: torch.Tensor) -> object:
        self.seen_inference_mode = torch.is_inference_mode_enabled()
        return self.wrap(self.output(self.frozen(self.dropout(input_ids.to(self.output.weight.dtype)))))


def expected_logits(model: Classifier) -> np.ndarray:
    weight, bias = (parameter.detach().float().numpy() for parameter in (model.output.weight, model.output.bias))
    return INPUTS["input_ids"] @ weight.T + bias


@pytest.mark.parametrize(
    "wrap",
    [lambda x: x, lambda x: (x, None), lambda x: SimpleNamespace(logits=x), lambda x: SimpleNamespace(logits=(x, 0))],
    ids=["tensor", "tuple", "logits", "logits in a tuple"],
)
def test_logits_are_found_and_dropout_is_off(wrap):
    model = Classifier(wrap).train()
    logits = TorchClassifier(model, ["input_ids"])(INPUTS)
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits, expected_logits(model), rtol=1e-6)


def test_runs_in_inference_mode_and_gives_training_flags_back():
    model = Classifier().train()
    model.frozen.eval()
    TorchClassifier(model, ["input_ids"])(INPUTS)
    assert model.seen_inference_mode
    assert (model.training, model.dropout.training, model.frozen.training) == (True, True, False)


def test_training_flags_come_back_after_an_error():
    model = Classifier(lambda logits: None).train()
    with pytest.raises(ExportError, match="NoneType, which holds no logits"):
        TorchClassifier(model, ["input_ids"])(INPUTS)
    assert model.training
    assert model.dropout.training


def test_half_precision_model_gives_float32_logits():
    model = Classifier().to(torch.bfloat16)
    logits = TorchClassifier(model, ["input_ids"])(INPUTS)
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits, expected_logits(model), rtol=0.02, atol=0.02)


def test_what_the_model_does_not_take_is_not_fed():
    assert TorchClassifier(Classifier(), ["input_ids"])(INPUTS).shape == (2, 4)


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        ({}, "missing input input_ids: the model takes input_ids, got nothing"),
        ({"input_ids": np.array([1, 2, 3])}, r"must be \(batch, length\)"),
        ({"input_ids": np.empty((0, 3), dtype=np.int64)}, "neither empty"),
        ({"input_ids": np.ones((1, 3))}, "must hold integers, got float64"),
    ],
)
def test_unusable_inputs_are_refused(inputs, reason):
    with pytest.raises(ExportError, match=reason):
        TorchClassifier(Classifier(), ["input_ids"])(inputs)


def test_inputs_of_different_shapes_are_refused():
    inputs = {**INPUTS, "attention_mask": np.ones((2, 4), dtype=np.int64)}
    with pytest.raises(ExportError, match="differ in shape"):
        TorchClassifier(Classifier(), ["input_ids", "attention_mask"])(inputs)
