"""Tiny BERT classifiers with random weights, and their exports, made once for all tests of this folder."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import nn
from transformers import BertConfig, BertForSequenceClassification

from mctl.exporters import GraphReport, OnnxClassifier, export_fp32, open_session

VOCABULARY = 2000
HEAD_SIZE = 16
INPUT_NAMES = ("input_ids", "attention_mask", "token_type_ids")

Batch = dict[str, npt.NDArray[np.int64]]
MakeClassifier = Callable[..., BertForSequenceClassification]
MakeBatch = Callable[..., Batch]


@dataclass(frozen=True)
class Exported:
    """A model, what it was before its export, and the export."""

    model: nn.Module
    state_before: dict[str, Any]
    path: Path
    report: GraphReport

    @property
    def classifier(self) -> OnnxClassifier:
        return OnnxClassifier(open_session(self.path, threads=1))


def observable_state(model: nn.Module) -> dict[str, Any]:
    """All that an export might change in its caller's model."""
    return {
        "training": {name: module.training for name, module in model.named_modules()},
        "config": model.config.to_dict(),
        "attention": model.config._attn_implementation,
        "requires_grad": {name: weight.requires_grad for name, weight in model.named_parameters()},
        "weights": {name: weight.detach().clone() for name, weight in model.state_dict().items()},
        "forward": "forward" in vars(model),
    }


def _resized(old: nn.Linear, in_features: int, out_features: int) -> nn.Linear:
    new = nn.Linear(in_features, out_features)
    nn.init.normal_(new.weight, std=0.1)
    nn.init.normal_(new.bias, std=0.1)
    return new.to(old.weight.device)


def _resize_layer(layer: nn.Module, heads: int, rows: int) -> None:
    attention, hidden, width = layer.attention, layer.output.dense.out_features, heads * HEAD_SIZE
    for name in ("query", "key", "value"):
        setattr(attention.self, name, _resized(getattr(attention.self, name), hidden, width))
    attention.output.dense = _resized(attention.output.dense, width, hidden)
    attention.self.num_attention_heads, attention.self.all_head_size = heads, width
    layer.intermediate.dense = _resized(layer.intermediate.dense, hidden, rows)
    layer.output.dense = _resized(layer.output.dense, rows, hidden)


def _classifier(
    heads: Sequence[int] = (4, 4), rows: Sequence[int] = (256, 256), seed: int = 0
) -> BertForSequenceClassification:
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=4 * HEAD_SIZE,
        num_hidden_layers=len(heads),
        num_attention_heads=4,
        intermediate_size=256,
        max_position_embeddings=512,
        initializer_range=0.1,
        num_labels=5,
    )
    model = BertForSequenceClassification(config)
    for layer, heads_here, rows_here in zip(model.bert.encoder.layer, heads, rows, strict=True):
        if (heads_here, rows_here) != (4, 256):
            _resize_layer(layer, heads_here, rows_here)
    return model.eval()


def _batch(size: int, length: int, seed: int = 0, longest: int | None = None) -> Batch:
    """Random ids (size, length), each text with its own number of real tokens, from 1 to `longest`."""
    random = np.random.default_rng([seed, size, length])
    tokens = random.integers(1, (longest or length) + 1, size=(size, 1))
    mask = (np.arange(length) < tokens).astype(np.int64)
    types = random.integers(0, 2, size=(size, length)) * mask
    return {
        "input_ids": random.integers(5, VOCABULARY, size=(size, length)) * mask,
        "attention_mask": mask,
        "token_type_ids": types,
    }


def _export_while_training(model: nn.Module, path: Path) -> Exported:
    model.train()
    model.bert.pooler.eval()  # flags that differ must come back as they were, not all alike
    before = copy.deepcopy(observable_state(model))
    return Exported(model, before, path, export_fp32(model, path, input_names=INPUT_NAMES))


@pytest.fixture(scope="session")
def make_classifier() -> MakeClassifier:
    return _classifier


@pytest.fixture(scope="session")
def make_batch() -> MakeBatch:
    return _batch


@pytest.fixture(scope="session")
def uniform(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Two layers of 4 heads and 256 FFN rows, exported while in training mode."""
    return _export_while_training(_classifier(), tmp_path_factory.mktemp("uniform") / "model.onnx")


@pytest.fixture(scope="session")
def non_uniform(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Two layers, neither of the stock layout nor of the other's, exported while in training mode."""
    model = _classifier(heads=(3, 1), rows=(200, 33))
    return _export_while_training(model, tmp_path_factory.mktemp("non_uniform") / "model.onnx")


@pytest.fixture(params=["uniform", "non_uniform"])
def exported(request: pytest.FixtureRequest) -> Exported:
    return request.getfixturevalue(request.param)


@pytest.fixture
def state_of() -> Callable[[nn.Module], dict[str, Any]]:
    return observable_state
