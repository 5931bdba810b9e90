"""Students with fewer layers: which of the teacher's layers they keep, and the model made of these."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from mctl.compression.families import Family, family_of
from mctl.compression.features import Watch, watching


def evenly_spaced(layers: int, keep: int) -> tuple[int, ...]:
    """`keep` of `layers` layers, the last one among them: layer i of the student ends the i-th stretch of the teacher.

    The uniform mapping of Jiao et al. 2020 (arXiv 1909.10351, section 4.1).

    >>> evenly_spaced(12, 6)
    (1, 3, 5, 7, 9, 11)
    """
    if not 1 <= keep <= layers:
        raise ValueError(f"{keep} of {layers} layers")
    return tuple(round((index + 1) * layers / keep) - 1 for index in range(keep))


def most_influential(influences: list[float], keep: int) -> tuple[int, ...]:
    """The `keep` layers that change the hidden states most, in order; of equals, the earlier."""
    ranked = sorted(range(len(influences)), key=lambda layer: (-influences[layer], layer))
    return tuple(sorted(ranked[:keep]))


@torch.no_grad()
def influences(model: Any, batches: list[dict[str, torch.Tensor]]) -> list[float]:
    """How much each layer changes the hidden states: 1 - cosine of its input and output, mean over tokens.

    The block influence of Men et al. 2024 (arXiv 2403.03853, equation 1), on texts of the task.

    Args:
        model: a classifier in eval mode.
        batches: padded inputs, (batch, tokens) each.

    Returns:
        One number a layer, 0 for a layer that does nothing.
    """
    family = family_of(model.config)
    changed = torch.stack([_changes(model, family, batch) for batch in batches]).sum(0)
    tokens = sum(int(batch["attention_mask"].sum()) for batch in batches)
    return [float(change) / tokens for change in changed]


def _changes(model: nn.Module, family: Family, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """1 - cosine of every layer's input and output, (layers,), summed over the tokens of a batch."""
    layers = family.layers(model)
    inputs: list[torch.Tensor] = []
    handle = layers[0].register_forward_pre_hook(_first_input(inputs), with_kwargs=True)
    try:
        with watching(model, family, Watch(tuple(range(len(layers))))) as features:
            model(**batch)
    finally:
        handle.remove()
    stream = pairwise([inputs[0], *features.hidden])
    lost = [1 - F.cosine_similarity(before, after, dim=-1) for before, after in stream]
    return torch.stack([(one * batch["attention_mask"]).sum() for one in lost]).double().cpu()


def _first_input(inputs: list[torch.Tensor]) -> Any:
    def hook(module: nn.Module, positional: tuple[Any, ...], named: dict[str, Any]) -> None:
        inputs.append(positional[0] if positional else named["hidden_states"])

    return hook


def keep_layers(model: Any, kept: tuple[int, ...]) -> None:
    """Leave only some layers in a classifier, in place; its configuration counts them.

    Args:
        kept: numbers of the layers that stay, ascending.
    """
    family = family_of(model.config)
    layers = family.layers(model)
    parent, _, name = family.encoder.rpartition(".")
    setattr(model.get_submodule(parent), name, nn.ModuleList(layers[index] for index in kept))
    model.config.num_hidden_layers = len(kept)
