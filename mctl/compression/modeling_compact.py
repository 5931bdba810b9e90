"""Compact classifiers: stock transformers encoders whose linears are resized to the layout in their configuration.

The forward pass is the stock one. Attention in transformers derives the number of heads from the tensor, or reads it
off the attention module (DistilBERT before transformers 5), so that resizing query, key and value (rows) and the output
projection (columns), and telling the module, is all that a smaller head count needs.

A family of encoders is a configuration class, a classifier class that says where its modules are, and a line in
`MODELS`, all in this file. It travels inside every compressed artifact, so it imports nothing but torch and
transformers: with `trust_remote_code=True` an artifact loads where mctl is not installed.
"""

from __future__ import annotations

from typing import Any

from torch import nn
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    ElectraConfig,
    ElectraForSequenceClassification,
    RobertaConfig,
    RobertaForSequenceClassification,
    XLMRobertaConfig,
    XLMRobertaForSequenceClassification,
)

# Dotted paths within a layer, by role. Most families have BERT's names.
BERT_NAMES = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "attention_output": "attention.output.dense",
    "ffn_in": "intermediate.dense",
    "ffn_out": "output.dense",
    "self_attention": "attention.self",
    "activation": "intermediate.intermediate_act_fn",
}


class CompactMixin:
    """Resizes the stock encoder after it has been built; the checkpoint then fills the resized linears.

    The configuration's `compact_layout` holds `{"heads": [...], "ffn": [...]}`, one number a layer: how many attention
    heads and how many FFN rows it has left. The sizes that the stock configuration knows stay those of the model before
    pruning, since the size of one head is `hidden_size / num_attention_heads`.

    Attributes:
        encoder_path: dotted path from the classifier to its list of layers.
        embedding_paths: dotted paths to all that is done before the first layer; those that a model lacks are skipped.
        module_names: dotted paths within a layer, by role.
        head_attributes: names under which the attention module holds its number of heads and their width together.
        positions_follow_padding: whether the first token's position is the padding id plus one, instead of zero.
    """

    encoder_path: str
    embedding_paths: tuple[str, ...]
    module_names: dict[str, str] = BERT_NAMES
    head_attributes: tuple[str, str] = ("num_attention_heads", "all_head_size")
    positions_follow_padding: bool = False

    def __init__(self, config: Any) -> None:
        super().__init__(config)  # type: ignore[call-arg]
        layout = config.compact_layout
        if layout is None:
            return
        head_size = config.hidden_size // config.num_attention_heads
        layers = self.get_submodule(self.encoder_path).children()  # type: ignore[attr-defined]
        for layer, heads, rows in zip(layers, layout["heads"], layout["ffn"], strict=True):
            self._resize_layer(layer, heads, heads * head_size, rows)

    def _resize_layer(self, layer: nn.Module, heads: int, width: int, rows: int) -> None:
        """Give one layer `heads` attention heads, `width` together, and `rows` FFN rows."""
        names = self.module_names
        for part in ("query", "key", "value"):
            _resize(layer, names[part], out_features=width)
        _resize(layer, names["attention_output"], in_features=width)
        _resize(layer, names["ffn_in"], out_features=rows)
        _resize(layer, names["ffn_out"], in_features=rows)
        attention = layer.get_submodule(names["self_attention"])
        for name, number in zip(self.head_attributes, (heads, width), strict=True):
            setattr(attention, name, number)


def _resize(layer: nn.Module, name: str, *, in_features: int | None = None, out_features: int | None = None) -> None:
    """Put a linear of another size, with fresh weights, in the place of one; one of the same size is left alone."""
    old: Any = layer.get_submodule(name)
    sizes = (in_features or old.in_features, out_features or old.out_features)
    if sizes == (old.in_features, old.out_features):
        return
    parent, _, child = name.rpartition(".")
    new = nn.Linear(*sizes, bias=old.bias is not None, device=old.weight.device, dtype=old.weight.dtype)
    setattr(layer.get_submodule(parent), child, new)


class CompactBertConfig(BertConfig):  # type: ignore[misc]
    """A BERT configuration with a layout, as `CompactMixin` describes it."""

    model_type = "mctl-bert"
    compact_layout: dict[str, Any] | None = None


class CompactBertForSequenceClassification(CompactMixin, BertForSequenceClassification):  # type: ignore[misc]
    """BertForSequenceClassification with a layout."""

    config_class = CompactBertConfig
    encoder_path = "bert.encoder.layer"
    embedding_paths = ("bert.embeddings",)


class CompactRobertaConfig(RobertaConfig):  # type: ignore[misc]
    """A RoBERTa configuration with a layout, as `CompactMixin` describes it."""

    model_type = "mctl-roberta"
    compact_layout: dict[str, Any] | None = None


class CompactRobertaForSequenceClassification(CompactMixin, RobertaForSequenceClassification):  # type: ignore[misc]
    """RobertaForSequenceClassification with a layout."""

    config_class = CompactRobertaConfig
    encoder_path = "roberta.encoder.layer"
    embedding_paths = ("roberta.embeddings",)
    positions_follow_padding = True


class CompactXLMRobertaConfig(XLMRobertaConfig):  # type: ignore[misc]
    """An XLM-RoBERTa configuration with a layout, as `CompactMixin` describes it."""

    model_type = "mctl-xlm-roberta"
    compact_layout: dict[str, Any] | None = None


class CompactXLMRobertaForSequenceClassification(CompactMixin, XLMRobertaForSequenceClassification):  # type: ignore[misc]
    """XLMRobertaForSequenceClassification with a layout; within, its modules are called as RoBERTa's."""

    config_class = CompactXLMRobertaConfig
    encoder_path = "roberta.encoder.layer"
    embedding_paths = ("roberta.embeddings",)
    positions_follow_padding = True


class CompactDistilBertConfig(DistilBertConfig):  # type: ignore[misc]
    """A DistilBERT configuration with a layout, as `CompactMixin` describes it."""

    model_type = "mctl-distilbert"
    compact_layout: dict[str, Any] | None = None


class CompactDistilBertForSequenceClassification(CompactMixin, DistilBertForSequenceClassification):  # type: ignore[misc]
    """DistilBertForSequenceClassification with a layout."""

    config_class = CompactDistilBertConfig
    encoder_path = "distilbert.transformer.layer"
    embedding_paths = ("distilbert.embeddings",)
    module_names = {  # noqa: RUF012 (a class constant; ClassVar would need an import for nothing)
        "query": "attention.q_lin",
        "key": "attention.k_lin",
        "value": "attention.v_lin",
        "attention_output": "attention.out_lin",
        "ffn_in": "ffn.lin1",
        "ffn_out": "ffn.lin2",
        "self_attention": "attention",
        "activation": "ffn.activation",
    }
    head_attributes = ("n_heads", "dim")


class CompactElectraConfig(ElectraConfig):  # type: ignore[misc]
    """An ELECTRA configuration with a layout, as `CompactMixin` describes it."""

    model_type = "mctl-electra"
    compact_layout: dict[str, Any] | None = None


class CompactElectraForSequenceClassification(CompactMixin, ElectraForSequenceClassification):  # type: ignore[misc]
    """ElectraForSequenceClassification with a layout; the projection is there where embeddings are narrower."""

    config_class = CompactElectraConfig
    encoder_path = "electra.encoder.layer"
    embedding_paths = ("electra.embeddings", "electra.embeddings_project")


MODELS: dict[str, Any] = {
    "bert": CompactBertForSequenceClassification,
    "distilbert": CompactDistilBertForSequenceClassification,
    "electra": CompactElectraForSequenceClassification,
    "roberta": CompactRobertaForSequenceClassification,
    "xlm-roberta": CompactXLMRobertaForSequenceClassification,
}
