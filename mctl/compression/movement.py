"""The only module that imports nn_pruning: its masks and scores, repaired and made cheap.

nn_pruning 0.1.2 gives us the scores and how they are shared (heads jointly over query, key and value; FFN rows jointly
over both matrices), the straight-through threshold binarizer, and the patchers. What is ours: the masked linear for
units, which builds one number a unit instead of one a weight, and the choice of the threshold (`budget.py`).

Movement pruning: Sanh et al. 2020, arXiv 2005.07683. Block movement pruning: Lagunas et al. 2021, arXiv 2109.04838.
"""

from __future__ import annotations

import dataclasses
import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from mctl.compression.families import Family

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
_MaskedLinear: Any = masked_nn.MaskedLinear

from nn_pruning.model_structure import ModelStructure  # noqa: E402
from nn_pruning.modules.binarizer import ThresholdBinarizer  # noqa: E402
from nn_pruning.training_patcher import ModelDispatchingPatcher, PatcherContext, ReplacementModule  # noqa: E402

# Scores start equal but for this: exact ties would make an exact level unreachable.
_TIE_BREAK = 1e-4


@dataclass(frozen=True)
class ScoreGroup:
    """Scores that compete as the units of one place.

    Attributes:
        name: "attention.3" or "ffn.3"; for blocks, the name of the matrix.
        kind: "head", "row" or "block".
        scores: the parameter: (heads, 1), (rows,), or (block rows, block columns).
        weights_per_unit: encoder weights that go when one unit goes.
    """

    name: str
    kind: str
    scores: nn.Parameter
    weights_per_unit: int


class UnitMaskedLinear(ReplacementModule):  # type: ignore[misc]
    """A linear whose units (groups of rows, or single columns) are scored, and masked where that is what removes them.

    The score's gradient is the movement of arXiv 2005.07683, equation 4, summed over the unit's weights in every matrix
    that shares the score: dL/dS = sum(dL/dW' * W). Compared with nn_pruning's `MaskedLinear`:

    - one number a unit instead of one a weight, and no `.item()`, which waits for the device on every forward;
    - only one matrix of a unit is multiplied by the mask (value for a head, the second matrix for an FFN row). That
      removes the unit from the function as masking all of them does, but leaves the others computing: a masked unit
      keeps a true gradient and can come back. With all of them masked, an FFN row that has gone never moves again.

    Args:
        linear: the dense linear, (out_features, in_features); its parameters are shared, not copied.
        group: name under which the context holds the threshold.
        scores: nn_pruning's context module with `mask_scores` of (units,) or (units, 1).
        unit_size: neighbouring rows that belong to one unit (the head size; 1 for FFN rows).
        columns: units are columns (second FFN matrix) instead of rows; the bias then stays.
        removes: multiply by the mask; otherwise only the gradient reaches the scores.
    """

    def __init__(
        self, linear: nn.Linear, group: str, scores: nn.Module, unit_size: int, *, columns: bool, removes: bool
    ) -> None:
        super().__init__()
        self.weight = linear.weight
        self.bias = linear.bias
        self.group = group
        self.unit_size = unit_size
        self.columns = columns
        self.removes = removes
        # Not registered here: several linears share one score module, and safetensors refuses shared tensors.
        # `attach_masks` registers each once, at the root of the model.
        object.__setattr__(self, "scores", scores)

    @property
    def in_features(self) -> int:
        return int(self.weight.shape[1])

    @property
    def out_features(self) -> int:
        return int(self.weight.shape[0])

    def mask(self) -> torch.Tensor:
        """(rows,) or (columns,): 1.0 where the unit stays, 0.0 where it goes; straight-through gradient."""
        threshold = self.get_context_data(self.group)
        units: torch.Tensor = ThresholdBinarizer.apply(self.scores.mask_scores.flatten(), threshold, False, 0)
        return units.repeat_interleave(self.unit_size) if self.unit_size > 1 else units

    def masked_parameters(self, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Weight and bias times a mask of (rows,) or (columns,)."""
        if self.columns:
            return self.weight * mask, self.bias
        # The bias of a dropped row goes with it but teaches the scores nothing, as in nn_pruning's `bias_mask`.
        bias = None if self.bias is None else self.bias * mask.detach()
        return self.weight * mask.unsqueeze(1), bias

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        mask = self.mask()
        # One in value and the mask in gradient, for matrices that are scored and not masked.
        factor = mask if self.removes else 1 + mask - mask.detach()
        return F.linear(inputs, *self.masked_parameters(factor))


def _structure(family: Family) -> type[ModelStructure]:
    """nn_pruning's description of where linears stand in a layer, from ours. The order matters to `1d_alt`."""
    roles = ("query", "key", "value", "attention_output", "ffn_in", "ffn_out")
    patterns = {role: family.names[role] for role in roles}
    return type("FamilyStructure", (ModelStructure,), {"LAYER_PATTERNS": patterns})


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


class _HeadPatcher(_JointPatcher):  # type: ignore[misc]
    """Query, key and value of a layer share one score a head."""

    def patch(self, child_module_name: str, child_module: nn.Linear) -> UnitMaskedLinear:
        scores = self.get_context_module(child_module_name, child_module, kind="mask")
        group = f"attention.{self.layer_index(child_module_name)}"
        removes = child_module_name.endswith(self.model_structure.LAYER_PATTERNS["value"])
        return UnitMaskedLinear(child_module, group, scores, self.args.block_rows, columns=False, removes=removes)


class _RowPatcher(_ChannelPatcher):  # type: ignore[misc]
    """Both FFN matrices of a layer share one score a row: rows of the first, columns of the second."""

    def patch(self, child_module_name: str, child_module: nn.Linear) -> UnitMaskedLinear:
        scores = self.get_context_module(child_module_name, child_module, kind="mask_row", row=True)
        columns = scores is None
        if scores is None:
            scores = self.get_context_module(child_module_name, child_module, kind="mask_col", row=False)
        group = f"ffn.{self.layer_index(child_module_name)}"
        return UnitMaskedLinear(child_module, group, scores, 1, columns=columns, removes=columns)


class BlockMaskedLinear(_MaskedLinear):  # type: ignore[misc]
    """nn_pruning's masked linear for square blocks, without the count that waits for the device on every forward."""

    @property
    def in_features(self) -> int:
        return int(self.weight.shape[1])

    @property
    def out_features(self) -> int:
        return int(self.weight.shape[0])

    def nnz(self, m: torch.Tensor) -> torch.Tensor:
        return (m != 0).sum()


class _BlockPatcher(_MatrixPatcher):  # type: ignore[misc]
    """Every matrix has its own score a block."""

    def patch(self, child_module_name: str, child_module: nn.Linear) -> BlockMaskedLinear:
        scores = self.get_context_module(child_module_name, child_module, kind="mask")
        return BlockMaskedLinear(child_module, [scores], None, self.args)


@dataclass(frozen=True)
class Masks:
    """What `attach_masks` put on a model: the score groups and the context that carries the thresholds."""

    groups: tuple[ScoreGroup, ...]
    context: Any
    structure: str

    def parameters(self) -> list[nn.Parameter]:
        """The score parameters, for the optimizer."""
        return [group.scores for group in self.groups]

    def set_thresholds(self, thresholds: dict[str, torch.Tensor]) -> None:
        """Set one threshold a group; a unit stays while its score is above it."""
        for group, threshold in thresholds.items():
            self.context.set_context_data(self._key(group), threshold)

    def threshold(self, group: str) -> torch.Tensor:
        """The threshold of a group as it was last set, 0-d."""
        threshold: torch.Tensor = self.context.get_context_data(self._key(group))
        return threshold

    def _key(self, group: str) -> str:
        # nn_pruning's own block linear reads one common "threshold".
        return "threshold" if self.structure == "blocks" else group


def attach_masks(model: nn.Module, family: Family, head_size: int, structure: str = "units", block: int = 32) -> Masks:
    """Put masks on a classifier's encoder, in place.

    Args:
        model: a dense classifier of `family`; its linears are replaced by masked ones that share their parameters.
        structure: "units" (heads and FFN rows) or "blocks" (square blocks of every matrix).
        block: side of a block, for "blocks".

    Raises:
        ValueError: `block` does not divide a matrix.
    """
    context = PatcherContext()
    names = _structure(family)
    patcher = ModelDispatchingPatcher()
    prefix = family.encoder.replace(".", r"\.") + r"\.[0-9]+\."
    for role, module_patcher in _patchers(model, family, head_size, structure, block, context, names).items():
        patcher.add_patcher(prefix + family.names[role].replace(".", r"\.") + "$", module_patcher)
    patcher.patch(model)
    groups = tuple(_groups(model, family, head_size, structure, block))
    if structure == "units":
        model.mask_scores = nn.ParameterDict({group.name.replace(".", "_"): group.scores for group in groups})
    masks = Masks(groups, context, structure)
    masks.set_thresholds({group.name: torch.tensor(-torch.inf) for group in groups})
    return masks


def _patchers(
    model: nn.Module, family: Family, head_size: int, structure: str, block: int, context: Any, names: type
) -> dict[str, Any]:
    hidden = family.linear(family.layers(model)[0], "query").in_features
    if structure == "units":
        # The joint patcher with submethod "default": 0.1.2's score module for blocks refuses "joint".
        heads = _HeadPatcher(context, _arguments("default", head_size, hidden), names, suffix="attention")
        rows = _RowPatcher(context, _arguments("1d_alt", 1, 1), names, suffix="ffn")
        return {"query": heads, "key": heads, "value": heads, "ffn_in": rows, "ffn_out": rows}
    blocks = _BlockPatcher(context, _arguments("default", block, block), names)
    roles = ("query", "key", "value", "attention_output", "ffn_in", "ffn_out")
    for layer in family.layers(model):
        for role in roles:
            if any(side % block for side in family.linear(layer, role).weight.shape):
                raise ValueError(f"block {block} does not divide {family.names[role]} {family.linear(layer, role)}")
    return dict.fromkeys(roles, blocks)


def _groups(model: nn.Module, family: Family, head_size: int, structure: str, block: int) -> Iterator[ScoreGroup]:
    for index, layer in enumerate(family.layers(model)):
        if structure == "units":
            query: Any = layer.get_submodule(family.names["query"])
            first: Any = layer.get_submodule(family.names["ffn_in"])
            hidden = query.in_features
            yield ScoreGroup(query.group, "head", query.scores.mask_scores, 4 * head_size * hidden)
            yield ScoreGroup(first.group, "row", first.scores.mask_scores, 2 * hidden)
            continue
        for role in ("query", "key", "value", "attention_output", "ffn_in", "ffn_out"):
            masked: Any = layer.get_submodule(family.names[role])
            scores = masked.mask_module.context_modules[0].mask_scores
            yield ScoreGroup(f"{role}.{index}", "block", scores, block * block)


def bake_masks(model: nn.Module, family: Family) -> None:
    """Replace masked linears by dense ones with zeros where the mask is zero, and drop the scores; in place."""
    for layer in family.layers(model):
        for role in ("query", "key", "value", "attention_output", "ffn_in", "ffn_out"):
            masked: Any = layer.get_submodule(family.names[role])
            if isinstance(masked, nn.Linear):
                continue
            with torch.no_grad():
                weight, bias = (
                    masked.masked_parameters(masked.mask())
                    if isinstance(masked, UnitMaskedLinear)
                    else masked.get_masked_weights_bias()
                )
            dense = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None, device=weight.device)
            dense.weight.data.copy_(weight)
            if bias is not None:
                dense.bias.data.copy_(bias)
            parent, _, child = family.names[role].rpartition(".")
            setattr(layer.get_submodule(parent) if parent else layer, child, dense)
    if hasattr(model, "mask_scores"):
        del model.mask_scores
