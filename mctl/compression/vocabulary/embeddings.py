"""The model's side: the embeddings of the tokens that stay, under their new numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from mctl.compression.vocabulary.errors import CannotTrimError


def config_ids(config: Any) -> dict[str, int]:
    """The token ids that a configuration names: pad_token_id and the like."""
    return {
        name: value for name, value in config.to_dict().items() if name.endswith("_token_id") and isinstance(value, int)
    }


def check_embeddings(model: nn.Module, tokens: int) -> None:
    """Refuse embeddings that cannot be cut.

    Args:
        tokens: the tokenizer's, none of which may be without an embedding.

    Raises:
        CannotTrimError: they are no plain table, fewer than the tokens, or the output's too.
    """
    embeddings: Any = model.get_input_embeddings()  # type: ignore[operator]
    name = type(model).__name__
    if type(embeddings) is not nn.Embedding:
        raise CannotTrimError(f"{name} has embeddings that are no plain table but {type(embeddings).__name__}")
    if embeddings.num_embeddings < tokens:
        raise CannotTrimError(f"{name} has {embeddings.num_embeddings} embeddings for {tokens} tokens")
    if model.get_output_embeddings() is not None:  # type: ignore[operator]
        raise CannotTrimError(f"{name} predicts tokens, so its vocabulary is its output too")


def keep_embeddings(model: nn.Module, order: Sequence[int]) -> None:
    """Leave a classifier, in place, with the input embeddings of some tokens.

    Position and type embeddings are what they were. The ids that the configuration names are renumbered.

    Args:
        order: (tokens,) the old id of every new one.
    """
    config: Any = model.config
    new = {old: number for number, old in enumerate(order)}
    old: nn.Embedding = model.get_input_embeddings()  # type: ignore[operator]
    rows = torch.tensor(order, device=old.weight.device)
    padding = None if old.padding_idx is None else new.get(old.padding_idx)
    kept: nn.Embedding = nn.Embedding.from_pretrained(  # type: ignore[no-untyped-call]
        old.weight.detach().index_select(0, rows), freeze=not old.weight.requires_grad, padding_idx=padding
    )
    kept.train(old.training)
    model.set_input_embeddings(kept)  # type: ignore[operator]
    for name, number in config_ids(config).items():
        if number in new:  # A default that names no token of this tokenizer stays as it is.
            setattr(config, name, new[number])
    config.vocab_size = len(order)
