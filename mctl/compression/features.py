"""What happens inside an encoder while it runs: hidden states, and queries, keys and values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from mctl.compression.families import Family


@dataclass
class Features:
    """Of one forward pass.

    Attributes:
        hidden: outputs of the watched layers, (batch, tokens, hidden) each, in the order in which they were asked for.
        relations: queries, keys and values of one layer, (batch, tokens, heads * head size) each; or empty.
    """

    hidden: list[torch.Tensor] = field(default_factory=list)
    relations: list[torch.Tensor] = field(default_factory=list)


@dataclass(frozen=True)
class Watch:
    """Which features are wanted.

    Attributes:
        hidden: layers whose outputs are kept.
        relations: the layer whose queries, keys and values are kept, or None.
    """

    hidden: tuple[int, ...] = ()
    relations: int | None = None


@contextmanager
def watching(model: nn.Module, family: Family, watch: Watch) -> Iterator[Features]:
    """Fill a `Features` on every forward pass of `model`, with what its last one computed.

    Hooks rather than `output_hidden_states`: they give what is asked for and nothing else, and queries, keys and
    values, which transformers does not return.
    """
    layers = family.layers(model)
    features = Features([torch.empty(0)] * len(watch.hidden), [torch.empty(0)] * (3 * (watch.relations is not None)))
    places: list[tuple[nn.Module, list[torch.Tensor], int]] = [
        (layers[layer], features.hidden, index) for index, layer in enumerate(watch.hidden)
    ]
    if watch.relations is not None:
        parts: Sequence[str] = ("query", "key", "value")
        linears = [family.linear(layers[watch.relations], part) for part in parts]
        places += [(linear, features.relations, index) for index, linear in enumerate(linears)]
    handles = [module.register_forward_hook(_keep(into, index)) for module, into, index in places]
    try:
        yield features
    finally:
        for handle in handles:
            handle.remove()


def _keep(into: list[torch.Tensor], index: int) -> Any:
    def hook(module: nn.Module, inputs: Any, output: Any) -> None:
        # transformers 4 returns a tuple from a layer, transformers 5 its hidden states.
        into[index] = output[0] if isinstance(output, tuple) else output

    return hook
