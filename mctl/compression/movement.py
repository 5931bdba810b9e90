"""The only module that imports nn_pruning: its scores and patchers, repaired.

nn_pruning 0.1.2 gives us the scores and how they are shared (heads jointly over query, key and value; FFN rows jointly
over both matrices), and the patchers that put them in their places. What is ours: the masked linear (`masking.py`),
which costs next to nothing, and the choice of the threshold (`budget.py`).

Movement pruning: Sanh et al. 2020, arXiv 2005.07683. Block movement pruning: Lagunas et al. 2021, arXiv 2109.04838.
"""

from __future__ import annotations

import dataclasses
import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from mctl.compression.families import Family
from mctl.compression.masking import Geometry, Mask, MaskedLinear
from mctl.compression.masks import Masks, ScoreGroup

_MASKED_NN = "nn_pruning.modules.masked_nn"


@contextmanager
def _hashable_defaults() -> Iterator[None]:
    """While masked_nn is imported, give its dataclasses a hash.

    `LinearPruningArgs` has a dataclass instance as a default; Python 3.11 refuses defaults without a hash, and a
    dataclass with `eq` has none. The instances are never used as keys and never changed.
    """
    original: Callable[..., Any] = dataclasses.dataclass

    def hashing(cls: Any = None, /, **options: Any) -> Any:
        if cls is None:
            return lambda decorated: hashing(decorated, **options)
        if cls.__module__ == _MASKED_NN:
            options.setdefault("unsafe_hash", True)
        return original(cls, **options)

    dataclasses.dataclass = hashing
    try:
        yield
    finally:
        dataclasses.dataclass = original


def _import_masked_nn() -> Any:
    if _MASKED_NN in sys.modules:
        return sys.modules[_MASKED_NN]
    with _hashable_defaults():
        return importlib.import_module(_MASKED_NN)


masked_nn = _import_masked_nn()
_JointPatcher: Any = masked_nn.JointPruningModulePatcher
_ChannelPatcher: Any = masked_nn.ChannelPruningModulePatcher
_MatrixPatcher: Any = masked_nn.LinearPruningModulePatcher

from nn_pruning.model_structure import ModelStructure  # noqa: E402
from nn_pruning.training_patcher import ModelDispatchingPatcher, PatcherContext  # noqa: E402

# In the order that nn_pruning's `1d_alt` counts on: even places have row scores, odd ones column scores.
ROLES = ("query", "key", "value", "attention_output", "ffn_in", "ffn_out")
# Scores start equal but for this: exact ties would make an exact level unreachable.
_TIE_BREAK = 1e-4


def _structure(family: Family) -> type[ModelStructure]:
    """nn_pruning's description of where linears stand in a layer, from ours. The order matters to `1d_alt`."""
    patterns = {role: family.names[role] for role in ROLES}

    def layer_index(name: str) -> int:
        # nn_pruning takes the one number in a name, and none where there are two, as in DistilBERT's `ffn.lin1`.
        return int(name.removeprefix(f"{family.encoder}.").partition(".")[0])

    members = {"LAYER_PATTERNS": patterns, "layer_index": staticmethod(layer_index)}
    return type("FamilyStructure", (ModelStructure,), members)


def _arguments(submethod: str, rows: int, columns: int) -> Any:
    return masked_nn.LinearPruningArgs(
        method="threshold",
        submethod=submethod,
        ampere_method="disabled",
        block_rows=rows,
        block_cols=columns,
        min_elements=0,
        bias_mask=True,
        mask_init=masked_nn.InitDirective(kind="uniform", scale=_TIE_BREAK),
        ampere_init=masked_nn.InitDirective(),
    )


class _Connecting:
    """What our patchers share: nn_pruning finds and creates the scores, our linear takes them."""

    masks: dict[str, Mask]

    def mask_of(self, group: str) -> Mask:
        return self.masks.setdefault(group, Mask())

    def patch_and_connect(self, child_module_name: str, child_module: nn.Linear) -> nn.Module:
        """nn_pruning's linears read thresholds from the context; ours are told by `Masks.set`."""
        linear: nn.Module = self.patch(child_module_name, child_module)  # type: ignore[attr-defined]
        return linear


class _HeadPatcher(_Connecting, _JointPatcher):  # type: ignore[misc]
    """Query, key and value of a layer share one score a head."""

    def patch(self, child_module_name: str, child_module: nn.Linear) -> MaskedLinear:
        scores = self.get_context_module(child_module_name, child_module, kind="mask")
        mask = self.mask_of(f"attention.{self.layer_index(child_module_name)}")
        removes = child_module_name.endswith(self.model_structure.LAYER_PATTERNS["value"])
        return MaskedLinear(child_module, scores, mask, Geometry("rows", self.args.block_rows), removes=removes)


class _RowPatcher(_Connecting, _ChannelPatcher):  # type: ignore[misc]
    """Both FFN matrices of a layer share one score a row: rows of the first, columns of the second."""

    def patch(self, child_module_name: str, child_module: nn.Linear) -> MaskedLinear:
        mask = self.mask_of(f"ffn.{self.layer_index(child_module_name)}")
        scores = self.get_context_module(child_module_name, child_module, kind="mask_row", row=True)
        if scores is not None:
            return MaskedLinear(child_module, scores, mask, Geometry("rows", 1), removes=False)
        scores = self.get_context_module(child_module_name, child_module, kind="mask_col", row=False)
        return MaskedLinear(child_module, scores, mask, Geometry("columns", 1))


class _BlockPatcher(_Connecting, _MatrixPatcher):  # type: ignore[misc]
    """Every matrix has its own score a block."""

    def patch(self, child_module_name: str, child_module: nn.Linear) -> MaskedLinear:
        scores = self.get_context_module(child_module_name, child_module, kind="mask")
        return MaskedLinear(
            child_module, scores, self.mask_of(child_module_name), Geometry("blocks", self.args.block_rows)
        )


def attach_masks(model: nn.Module, family: Family, head_size: int, structure: str = "units", block: int = 32) -> Masks:
    """Put masks on a classifier's encoder, in place.

    Args:
        model: a dense classifier of `family`; its linears are replaced by masked ones that share their parameters.
        structure: "units" (heads and FFN rows) or "blocks" (square blocks of every matrix).
        block: side of a block, for "blocks".

    Raises:
        ValueError: `block` does not divide a matrix.
    """
    masks: dict[str, Mask] = {}
    patcher = ModelDispatchingPatcher()
    prefix = family.encoder.replace(".", r"\.") + r"\.[0-9]+\."
    for role, module_patcher in _patchers(model, family, head_size, structure, block).items():
        module_patcher.masks = masks
        patcher.add_patcher(prefix + family.names[role].replace(".", r"\.") + "$", module_patcher)
    patcher.patch(model)
    groups = tuple(_groups(model, family, head_size, structure, block))
    model.mask_scores = nn.ParameterDict({group.name.replace(".", "_"): group.scores for group in groups})
    # nn_pruning makes them on the CPU, wherever the model is.
    model.mask_scores.to(family.linear(family.layers(model)[0], "query").weight.device)
    of_groups = {group.name: masks[_mask_name(group.name, family, structure)] for group in groups}
    return Masks(groups, of_groups, [module for module in model.modules() if isinstance(module, MaskedLinear)])


def _mask_name(group: str, family: Family, structure: str) -> str:
    """The name under which the patchers keep a group's mask; a block's is that of its matrix."""
    if structure == "units":
        return group
    role, _, index = group.rpartition(".")
    return f"{family.encoder}.{index}.{family.names[role]}"


def _patchers(model: nn.Module, family: Family, head_size: int, structure: str, block: int) -> dict[str, Any]:
    context, names = PatcherContext(), _structure(family)
    hidden = family.linear(family.layers(model)[0], "query").in_features
    if structure == "units":
        # The joint patcher with submethod "default": 0.1.2's score module for blocks refuses "joint".
        heads = _HeadPatcher(context, _arguments("default", head_size, hidden), names, suffix="attention")
        rows = _RowPatcher(context, _arguments("1d_alt", 1, 1), names, suffix="ffn")
        return {"query": heads, "key": heads, "value": heads, "ffn_in": rows, "ffn_out": rows}
    blocks = _BlockPatcher(context, _arguments("default", block, block), names)
    for layer in family.layers(model):
        for role in ROLES:
            if any(side % block for side in family.linear(layer, role).weight.shape):
                raise ValueError(f"block {block} does not divide {family.names[role]} {family.linear(layer, role)}")
    return dict.fromkeys(ROLES, blocks)


def _groups(model: nn.Module, family: Family, head_size: int, structure: str, block: int) -> Iterator[ScoreGroup]:
    for index, layer in enumerate(family.layers(model)):
        masked: dict[str, Any] = {role: layer.get_submodule(family.names[role]) for role in ROLES}
        if structure == "units":
            hidden = masked["query"].in_features
            scores = masked["query"].scores.mask_scores
            yield ScoreGroup(f"attention.{index}", "head", scores, 4 * head_size * hidden)
            yield ScoreGroup(f"ffn.{index}", "row", masked["ffn_in"].scores.mask_scores, 2 * hidden)
            continue
        for role, linear in masked.items():
            yield ScoreGroup(f"{role}.{index}", "block", linear.scores.mask_scores, block * block)


@torch.no_grad()
def bake_masks(model: nn.Module, family: Family) -> None:
    """Replace masked linears by dense ones with zeros where the mask is zero, and drop the scores; in place."""
    for layer in family.layers(model):
        for role in ROLES:
            masked: Any = layer.get_submodule(family.names[role])
            if isinstance(masked, nn.Linear):
                continue
            weight, bias = masked.masked_parameters()
            dense = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None, device=weight.device)
            dense.weight.data.copy_(weight)
            if bias is not None:
                dense.bias.data.copy_(bias)
            parent, _, child = family.names[role].rpartition(".")
            setattr(layer.get_submodule(parent) if parent else layer, child, dense)
    del model.mask_scores
