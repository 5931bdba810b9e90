"""Layouts to strip small models to."""

from __future__ import annotations

import copy
from typing import Any

import torch
from hypothesis import strategies as st

from mctl.compression.families import family_of
from mctl.compression.layout import layout_of
from mctl.compression.strip import Kept


def kept_units(layers: int, heads: int, rows: int) -> st.SearchStrategy[Kept]:
    """Any heads and rows of each layer, one at the least."""

    def some(count: int) -> st.SearchStrategy[tuple[tuple[int, ...], ...]]:
        units = st.sets(st.integers(0, count - 1), min_size=1).map(lambda chosen: tuple(sorted(chosen)))
        return st.tuples(*[units] * layers)

    return st.builds(Kept, some(heads), some(rows))


@torch.no_grad()
def zeroed(model: Any, kept: Kept) -> Any:
    """A copy of a dense classifier in which all other units have been cut off from the output."""
    copied = copy.deepcopy(model)
    family, head_size = family_of(model.config), layout_of(model).head_size
    for layer, heads, rows in zip(family.layers(copied), kept.heads, kept.rows, strict=True):
        projection = family.linear(layer, "attention_output").weight
        gone = torch.ones(projection.shape[1] // head_size, dtype=torch.bool)
        gone[list(heads)] = False
        projection[:, gone.repeat_interleave(head_size)] = 0
        second = family.linear(layer, "ffn_out").weight
        gone = torch.ones(second.shape[1], dtype=torch.bool)
        gone[list(rows)] = False
        second[:, gone] = 0
    return copied
