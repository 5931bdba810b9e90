"""Compact classifiers: a stock transformers encoder whose linears are resized to the layout in its configuration.

The forward pass is the stock one. Attention in transformers >= 4.48 derives the number of heads from the tensor, so
resizing query, key and value (rows) and the output projection (columns) is all that a smaller head count needs.

This file travels inside every compressed artifact: it imports nothing but torch, transformers and its configuration.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import nn
from transformers import BertForSequenceClassification

from .configuration_compact import CompactBertConfig


def encoder_layers(model: nn.Module, path: str) -> Iterator[nn.Module]:
    """The transformer layers of `model`, found under the dotted `path` of the family."""
    yield from model.get_submodule(path).children()


def resize_layer(layer: nn.Module, names: dict[str, str], head_size: int, heads: int, rows: int) -> None:
    """Give one layer `heads` attention heads and `rows` FFN rows, with fresh weights where a size changes.

    Args:
        layer: one transformer layer.
        names: dotted path of each linear within the layer: query, key, value, attention_output, ffn_in, ffn_out,
            and of the module that holds the head count: self_attention.
        head_size: width of one head.
    """
    width = heads * head_size
    for part in ("query", "key", "value"):
        _resize(layer, names[part], out_features=width)
    _resize(layer, names["attention_output"], in_features=width)
    _resize(layer, names["ffn_in"], out_features=rows)
    _resize(layer, names["ffn_out"], in_features=rows)
    set_head_count(layer.get_submodule(names["self_attention"]), heads, width)


def set_head_count(attention: Any, heads: int, width: int) -> None:
    """Tell an attention module its head count, for what reads the attributes rather than the tensors."""
    attention.num_attention_heads = heads
    attention.all_head_size = width


def _resize(layer: nn.Module, name: str, *, in_features: int | None = None, out_features: int | None = None) -> None:
    old: Any = layer.get_submodule(name)
    sizes = (in_features or old.in_features, out_features or old.out_features)
    if sizes == (old.in_features, old.out_features):
        return
    parent, _, child = name.rpartition(".")
    new = nn.Linear(*sizes, bias=old.bias is not None, device=old.weight.device, dtype=old.weight.dtype)
    setattr(layer.get_submodule(parent) if parent else layer, child, new)


class CompactMixin:
    """Resizes the stock encoder after it has been built; the checkpoint then fills the resized linears."""

    encoder_path: str
    linear_names: dict[str, str]

    def __init__(self, config: Any) -> None:
        super().__init__(config)  # type: ignore[call-arg]
        layout = config.compact_layout
        if layout is None:
            return
        head_size = config.hidden_size // config.num_attention_heads
        layers = encoder_layers(self, self.encoder_path)  # type: ignore[arg-type]
        for layer, heads, rows in zip(layers, layout["heads"], layout["ffn"], strict=True):
            resize_layer(layer, self.linear_names, head_size, heads, rows)


class CompactBertForSequenceClassification(CompactMixin, BertForSequenceClassification):  # type: ignore[misc]
    """BertForSequenceClassification with a layout: see `CompactBertConfig`."""

    config_class = CompactBertConfig
    encoder_path = "bert.encoder.layer"
    linear_names = {  # noqa: RUF012 (a class constant; ClassVar would need an import for nothing)
        "query": "attention.self.query",
        "key": "attention.self.key",
        "value": "attention.self.value",
        "attention_output": "attention.output.dense",
        "ffn_in": "intermediate.dense",
        "ffn_out": "output.dense",
        "self_attention": "attention.self",
    }


MODELS = {"bert": CompactBertForSequenceClassification}
