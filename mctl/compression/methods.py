"""How units are scored: by movement, which training learns, or by what there is to compare it with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from mctl.compression.families import Family
from mctl.compression.masking import MaskedLinear
from mctl.compression.masks import Masks


def rescoring(method: str, model: nn.Module, family: Family, masks: Masks) -> Callable[[], None] | None:
    """What sets the scores before every step; None where training learns them.

    Args:
        method: "movement" (Sanh et al. 2020, arXiv 2005.07683), "magnitude" (the root mean square of all weights
            that go with a unit, as they are at that step), or "random" (scores drawn once, from torch's seed).

    Raises:
        ValueError: there is no such method.
    """
    if method == "movement":
        return None
    for group in masks.groups:
        group.scores.requires_grad_(False)
    if method == "random":
        for group in masks.groups:
            group.scores.data.uniform_(0, 1)
        return None
    if method == "magnitude":
        places = _places(model, family)
        return lambda: _set_magnitudes(masks, places)
    raise ValueError(f"no such method: {method}")


def _places(model: nn.Module, family: Family) -> dict[str, list[nn.Module]]:
    """The linears of each score group, by the group's name; for blocks, of each matrix."""
    found: dict[str, list[nn.Module]] = {}
    for index, layer in enumerate(family.layers(model)):
        linears: dict[str, Any] = {
            role: layer.get_submodule(family.names[role])
            for role in ("query", "key", "value", "attention_output", "ffn_in", "ffn_out")
        }
        found |= {f"{role}.{index}": [linear] for role, linear in linears.items()}
        found[f"attention.{index}"] = [linears[role] for role in ("query", "key", "value", "attention_output")]
        found[f"ffn.{index}"] = [linears["ffn_in"], linears["ffn_out"]]
    return found


@torch.no_grad()
def _set_magnitudes(masks: Masks, places: dict[str, list[nn.Module]]) -> None:
    for group in masks.groups:
        squares = sum(_squares(linear, group.scores.numel()) for linear in places[group.name])
        assert isinstance(squares, torch.Tensor)
        group.scores.copy_((squares / group.weights_per_unit).sqrt().view_as(group.scores))


def _squares(linear: Any, units: int) -> torch.Tensor:
    """Sum of the squared weights of each unit in one matrix, (units,), or in the shape of its blocks."""
    weight: torch.Tensor = linear.weight
    if isinstance(linear, MaskedLinear):
        return linear.geometry.movement(weight, weight).to(weight.dtype)
    # The output projection of attention: a head is a group of its columns.
    return weight.square().sum(0).view(units, -1).sum(1)
