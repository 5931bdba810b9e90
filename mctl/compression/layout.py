"""Layouts: how many heads and FFN rows each layer has, and how many weights that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mctl.compression.families import Family, family_of

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Layout:
    """Units left per layer.

    Attributes:
        heads: attention heads, one number a layer.
        ffn: FFN rows, one number a layer.
        head_size: width of one head.
        hidden_size: width of the residual stream.
    """

    heads: tuple[int, ...]
    ffn: tuple[int, ...]
    head_size: int
    hidden_size: int

    @property
    def weights_per_head(self) -> int:
        """Weights that go with one head: its rows of query, key and value, its columns of the output projection."""
        return 4 * self.head_size * self.hidden_size

    @property
    def weights_per_row(self) -> int:
        """Weights that go with one FFN row: a row of the first matrix and a column of the second."""
        return 2 * self.hidden_size

    @property
    def weights(self) -> int:
        """Attention and FFN weights of the encoder. Biases and LayerNorms are not units and do not count."""
        return sum(self.heads) * self.weights_per_head + sum(self.ffn) * self.weights_per_row

    def removed_percent(self, before: Layout) -> float:
        """The prune level: percent of `before`'s encoder weights that are not in this layout."""
        return 100.0 * (1 - self.weights / before.weights)

    def largest_level_percent(self) -> float:
        """The highest prune level that leaves every layer a head and an FFN row."""
        kept = len(self.heads) * (self.weights_per_head + self.weights_per_row)
        return 100.0 * (1 - kept / self.weights)

    def of_layers(self, layers: Sequence[int]) -> Layout:
        """The layout of a model that has only these layers."""
        return replace(self, heads=tuple(self.heads[i] for i in layers), ffn=tuple(self.ffn[i] for i in layers))

    def as_dict(self) -> dict[str, Any]:
        """For the manifest and for `config.json`."""
        return {"heads": list(self.heads), "ffn": list(self.ffn)}


def layout_of(model: nn.Module) -> Layout:
    """The layout of a classifier, read off its tensors (not off its configuration).

    Raises:
        UserError: the architecture has no units that mctl knows.
    """
    config: Any = model.config
    family = family_of(config)
    head_size = config.hidden_size // config.num_attention_heads
    layers = family.layers(model)
    return Layout(
        heads=tuple(family.linear(layer, "query").out_features // head_size for layer in layers),
        ffn=tuple(family.linear(layer, "ffn_in").out_features for layer in layers),
        head_size=head_size,
        hidden_size=config.hidden_size,
    )


@dataclass(frozen=True)
class ParameterCounts:
    """Parameters of a classifier, by where they are. `encoder_weights` is what the prune level is a percentage of."""

    encoder_weights: int
    encoder: int
    embeddings: int
    head: int
    total: int


def count_parameters(model: nn.Module) -> ParameterCounts:
    """Count parameters: all layers with biases and LayerNorms, embeddings (with their projection, where a family has
    one), and the rest (pooler, classifier)."""
    family: Family = family_of(model.config)
    encoder = sum(p.numel() for p in model.get_submodule(family.encoder).parameters())
    embeddings = sum(p.numel() for module in family.embedding_modules(model) for p in module.parameters())
    total = sum(p.numel() for p in model.parameters())
    return ParameterCounts(
        encoder_weights=layout_of(model).weights,
        encoder=encoder,
        embeddings=embeddings,
        head=total - encoder - embeddings,
        total=total,
    )
