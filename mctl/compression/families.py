"""Which architectures can be pruned, and where their units are.

A family is described once, by the class of `modeling_compact.py` that reloads its compressed models. Nothing else in
mctl knows a module's name.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from mctl.errors import UserError

if TYPE_CHECKING:
    import torch
    from torch import nn

REFUSED = {
    "albert": "ALBERT shares one set of weights between all its layers, so removing a head or an FFN row from one "
    "layer removes it from every layer: there are no per-layer units to choose between.",
}
_STOCK_PREFIX = "mctl-"


@dataclass(frozen=True)
class Family:
    """Where the units of one architecture are.

    Attributes:
        name: transformers' `model_type`, such as "bert".
        encoder: dotted path from the classifier to its list of layers.
        embeddings: dotted paths from the classifier to what comes before the first layer; some models lack some.
        names: dotted paths within a layer, by role: query, key, value, attention_output, ffn_in, ffn_out,
            self_attention, activation.
        positions_follow_padding: whether the first token's position is the padding id plus one, instead of zero.
    """

    name: str
    encoder: str
    embeddings: tuple[str, ...]
    names: dict[str, str]
    positions_follow_padding: bool

    def layers(self, model: nn.Module) -> list[nn.Module]:
        """The transformer layers of `model`, first to last."""
        return list(model.get_submodule(self.encoder).children())

    def linear(self, layer: nn.Module, role: str) -> nn.Linear:
        """The linear that plays `role` in `layer`."""
        module: Any = layer.get_submodule(self.names[role])
        return module  # type: ignore[no-any-return]

    def activation(self, layer: nn.Module) -> Callable[[torch.Tensor], torch.Tensor]:
        """The function between the two FFN matrices of `layer`."""
        function: Callable[[torch.Tensor], torch.Tensor] = attrgetter(self.names["activation"])(layer)
        return function

    def embedding_modules(self, model: nn.Module) -> list[nn.Module]:
        """All that `model` does before its first layer: tables, their LayerNorm, a projection if it has one."""
        named = dict(model.named_modules())
        return [named[path] for path in self.embeddings if path in named]

    def positions(self, config: Any) -> int:
        """The longest text, in tokens, that a model of this configuration has positions for."""
        taken = config.pad_token_id + 1 if self.positions_follow_padding else 0
        return int(config.max_position_embeddings) - int(taken)

    def inputs(self) -> frozenset[str]:
        """What the classifier's forward pass takes by name; a tokenizer may offer more (token types)."""
        from mctl.compression.modeling_compact import MODELS

        return frozenset(inspect.signature(MODELS[self.name].forward).parameters)


def supported() -> list[str]:
    """Names of the architectures that can be pruned."""
    from mctl.compression.modeling_compact import MODELS

    return sorted(MODELS)


def family_of(config: Any) -> Family:
    """The family of a transformers configuration, stock or compact.

    Raises:
        UserError: the architecture cannot be pruned; the message names those that can.
    """
    from mctl.compression.modeling_compact import MODELS

    name = str(config.model_type).removeprefix(_STOCK_PREFIX)
    if name not in MODELS:
        reason = REFUSED.get(name, f"the architecture {name!r} cannot be pruned.")
        raise UserError(reason, where="model", todo=f"Supported architectures: {', '.join(supported())}.")
    model = MODELS[name]
    return Family(
        name=name,
        encoder=model.encoder_path,
        embeddings=model.embedding_paths,
        names=model.module_names,
        positions_follow_padding=model.positions_follow_padding,
    )
