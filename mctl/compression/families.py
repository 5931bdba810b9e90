"""Which architectures can be pruned, and where their units are.

A family is one entry of `MODELS` in `modeling_compact.py`: the class that reloads a compressed model also says where
its layers and linears are. Nothing else in mctl knows a module's name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mctl.errors import UserError

if TYPE_CHECKING:
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
        names: dotted paths within a layer, by role: query, key, value, attention_output, ffn_in, ffn_out,
            self_attention.
    """

    name: str
    encoder: str
    names: dict[str, str]

    def layers(self, model: nn.Module) -> list[nn.Module]:
        """The transformer layers of `model`, first to last."""
        return list(model.get_submodule(self.encoder).children())

    def linear(self, layer: nn.Module, role: str) -> nn.Linear:
        """The linear that plays `role` in `layer`."""
        module: Any = layer.get_submodule(self.names[role])
        return module  # type: ignore[no-any-return]


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
    return Family(name=name, encoder=model.encoder_path, names=model.linear_names)
