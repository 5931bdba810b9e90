"""From a masked model to a dense one without the masked units: same function, fewer weights."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mctl.compression.families import Family, family_of
from mctl.compression.layout import layout_of
from mctl.compression.modeling_compact import MODELS


@dataclass(frozen=True)
class Kept:
    """Indices of the units that stay, one tuple a layer, ascending."""

    heads: tuple[tuple[int, ...], ...]
    rows: tuple[tuple[int, ...], ...]


def live_units(model: nn.Module) -> Kept:
    """The units of a dense classifier that can still reach its logits.

    A head is dead when its rows of the value matrix and bias are zero, or its columns of the output projection are:
    whatever its attention weights are, it adds nothing. An FFN row is dead when its column of the second matrix is
    zero, or its row of the first matrix and its bias are and the activation maps 0 to 0 (GELU does, a sigmoid does
    not). A layer without live units keeps its first one, since a linear of width 0 has no ONNX form.
    """
    family = family_of(model.config)
    head_size = layout_of(model).head_size
    heads, rows = [], []
    for layer in family.layers(model):
        value = _live_rows(family.linear(layer, "value")) & _live_columns(family.linear(layer, "attention_output"))
        heads.append(_indices(value.reshape(-1, head_size).any(1)))
        reached = _live_columns(family.linear(layer, "ffn_out"))
        if _maps_zero_to_zero(family.activation(layer), family.linear(layer, "ffn_in").weight):
            reached &= _live_rows(family.linear(layer, "ffn_in"))
        rows.append(_indices(reached))
    return Kept(tuple(heads), tuple(rows))


def all_units(model: nn.Module) -> Kept:
    """Every unit of a classifier."""
    layout = layout_of(model)
    return Kept(tuple(tuple(range(n)) for n in layout.heads), tuple(tuple(range(n)) for n in layout.ffn))


@torch.no_grad()
def _maps_zero_to_zero(activation: Callable[[torch.Tensor], torch.Tensor], like: torch.Tensor) -> bool:
    """Asked of the function itself: some have parameters."""
    return not bool(activation(like.new_zeros(1)).any())


def _live_rows(linear: nn.Linear) -> torch.Tensor:
    live = (linear.weight != 0).any(1)
    return live if linear.bias is None else live | (linear.bias != 0)


def _live_columns(linear: nn.Linear) -> torch.Tensor:
    return (linear.weight != 0).any(0)


def _indices(live: torch.Tensor) -> tuple[int, ...]:
    return tuple(live.nonzero().flatten().tolist()) or (0,)


def strip(model: Any, kept: Kept) -> Any:
    """A compact classifier with only the kept units; `model` is left as it is.

    Args:
        model: a dense classifier of a supported family, stock or compact.
        kept: what stays, such as `live_units(model)`.

    Returns:
        A model of the family's compact class, in `model`'s training state, dtype and device, whose configuration
        carries the layout. Its logits equal those of `model` whenever the units left out were dead.
    """
    family = family_of(model.config)
    head_size = layout_of(model).head_size
    state = dict(model.state_dict())
    for index in range(len(kept.heads)):
        _slice_layer(state, family, index, kept.heads[index], kept.rows[index], head_size)
    compact: Any = MODELS[family.name]
    config = compact_config(model.config, family, kept)
    # On the meta device: building a model only to overwrite it would draw random numbers and change a seeded run.
    with torch.device("meta"):
        stripped = compact(config)
    stripped.load_state_dict(state, strict=True, assign=True)
    _restore_buffers(stripped, model)
    stripped.requires_grad_(True)
    for name, parameter in model.named_parameters():
        stripped.get_parameter(name).requires_grad_(parameter.requires_grad)
    return stripped.train(model.training)


def compact_config(config: Any, family: Family, kept: Kept) -> Any:
    """`config` as the family's compact configuration with the layout of `kept`."""
    values = copy.deepcopy(config.to_dict())
    for key in ("model_type", "architectures", "auto_map", "compact_layout"):
        values.pop(key, None)
    layout = {"heads": [len(heads) for heads in kept.heads], "ffn": [len(rows) for rows in kept.rows]}
    compact = MODELS[family.name].config_class(**values, compact_layout=layout)
    compact.auto_map = {
        "AutoConfig": f"modeling_compact.{type(compact).__name__}",
        "AutoModelForSequenceClassification": f"modeling_compact.{MODELS[family.name].__name__}",
    }
    compact._attn_implementation = config._attn_implementation
    return compact


def _slice_layer(
    state: dict[str, torch.Tensor],
    family: Family,
    index: int,
    heads: Sequence[int],
    rows: Sequence[int],
    head_size: int,
) -> None:
    prefix = f"{family.encoder}.{index}."
    width = torch.tensor([h * head_size + i for h in heads for i in range(head_size)])
    kept_rows = torch.tensor(rows)
    plan = [("query", 0, width), ("key", 0, width), ("value", 0, width), ("attention_output", 1, width)]
    plan += [("ffn_in", 0, kept_rows), ("ffn_out", 1, kept_rows)]
    for role, axis, keep in plan:
        name = prefix + family.names[role]
        state[f"{name}.weight"] = _take(state[f"{name}.weight"], axis, keep)
        if axis == 0 and f"{name}.bias" in state:
            state[f"{name}.bias"] = _take(state[f"{name}.bias"], 0, keep)


def _take(tensor: torch.Tensor, axis: int, keep: torch.Tensor) -> torch.Tensor:
    return tensor.index_select(axis, keep.to(tensor.device)).contiguous()


def _restore_buffers(stripped: nn.Module, model: nn.Module) -> None:
    """Non-persistent buffers (position ids) are in no state dict: copy them from the source."""
    for name, buffer in model.named_buffers():
        parent, _, child = name.rpartition(".")
        stripped.get_submodule(parent)._buffers[child] = buffer.clone()


def copy_modeling_code(folder: Path) -> None:
    """Put the file that reloads a compact model without mctl into `folder`."""
    name = "modeling_compact.py"
    (folder / name).write_bytes((Path(__file__).parent / name).read_bytes())
