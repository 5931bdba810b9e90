"""Linears with masked weights whose masks learn, at next to no cost beside a plain linear.

The score's gradient is the movement of its weights (Sanh et al. 2020, arXiv 2005.07683, equation 4), summed over all
that one score decides: dL/dS = sum(dL/dW' * W), where W' = mask * W.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import nn
from torch.nn import functional as F

Kind = Literal["rows", "columns", "blocks"]


@dataclass(frozen=True)
class Fold:
    """A matrix with an axis for each group of lines, so that one number a score meets its weights by broadcasting.

    Attributes:
        shape: of the folded matrix.
        within: axes that run over the weights of one score.
    """

    shape: tuple[int, ...]
    within: tuple[int, ...]

    @property
    def mask_shape(self) -> tuple[int, ...]:
        """Shape of a mask that is multiplied with the folded matrix."""
        return tuple(1 if axis in self.within else size for axis, size in enumerate(self.shape))


@dataclass(frozen=True)
class Geometry:
    """Which weights of a matrix one score decides.

    Attributes:
        kind: groups of neighbouring rows, groups of neighbouring columns, or square blocks.
        size: rows or columns of a group (the head size; 1 for FFN rows), or the side of a block.
    """

    kind: Kind
    size: int

    def fold(self, matrix: torch.Size) -> Fold:
        """How a matrix (rows, columns) folds; its axes are only ever split, which a view can do."""
        rows, columns = matrix
        if self.kind == "rows":
            return Fold((rows // self.size, self.size, columns), (1, 2))
        if self.kind == "columns":
            return Fold((rows, columns // self.size, self.size), (0, 2))
        return Fold((rows // self.size, self.size, columns // self.size, self.size), (1, 3))

    def masked(self, matrix: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """A matrix, (rows, columns), times a mask of one number a score."""
        fold = self.fold(matrix.shape)
        return (matrix.view(fold.shape) * mask.view(fold.mask_shape)).view(matrix.shape)

    def rows(self, mask: torch.Tensor) -> torch.Tensor | None:
        """Which groups of rows have any weight left, (groups,); None where rows never go."""
        if self.kind == "columns":
            return None
        return mask.amax(1) if self.kind == "blocks" else mask.flatten()

    def movement(self, gradient: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """sum(gradient * weight) over the weights of each score: (scores,), or (block rows, block columns).

        Args:
            gradient, weight: (rows, columns).
        """
        fold = self.fold(weight.shape)
        return (gradient * weight).view(fold.shape).sum(fold.within)


@dataclass
class Bank:
    """The masks of score groups of one shape, in one tensor.

    Attributes:
        kept: 1.0 where a unit stays and 0.0 where it goes, (groups, shape of the scores); None before masks are set.
    """

    kept: torch.Tensor | None = None


@dataclass
class Mask:
    """The mask of one score group, shared by all linears of its units: a place in a bank."""

    bank: Bank = field(default_factory=Bank)
    place: int = 0

    @property
    def kept(self) -> torch.Tensor | None:
        """In the shape of the scores; None before masks are set."""
        return None if self.bank.kept is None else self.bank.kept[self.place]


class _ScoredWeight(torch.autograd.Function):
    """A weight, times its mask where there is one; its gradient is also the movement of the scores."""

    @staticmethod
    def forward(
        ctx: Any, weight: torch.Tensor, scores: torch.Tensor, kept: torch.Tensor | None, geometry: Geometry
    ) -> torch.Tensor:
        ctx.save_for_backward(weight, kept)
        ctx.shape, ctx.geometry = scores.shape, geometry
        return weight.view_as(weight) if kept is None else geometry.masked(weight, kept)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        weight, kept = ctx.saved_tensors
        gradient, geometry = gradients[0], ctx.geometry
        movement = geometry.movement(gradient, weight).view(ctx.shape) if ctx.needs_input_grad[1] else None
        return gradient if kept is None else geometry.masked(gradient, kept), movement, None, None


@dataclass
class Moment:
    """What `stacking.py` has made for the pass that is under way: weight and bias.

    Apart from the linear: a module looks at whatever is set on it, and this is set on all of them in every pass.
    """

    ready: tuple[torch.Tensor, torch.Tensor | None] | None = None


class MaskedLinear(nn.Module):
    """A linear whose groups of weights are scored, and masked where that is what removes a unit.

    Compared with nn_pruning's class of this name:

    - the mask is made once a step, not on every forward, and holds one number a score; nothing waits for the device
      (`.item()`, a comparison in Python);
    - only one matrix of a head or FFN row is multiplied by the mask (value for a head, the second matrix for an FFN
      row). That removes the unit from the function as masking all of them does, but leaves the others computing: a
      masked unit keeps a true gradient and can come back. With all of them masked, an FFN row that has gone never
      moves again. The others cost nothing forward, and one product and sum backward.

    Args:
        linear: the dense linear, (out_features, in_features); its parameters are shared, not copied.
        scores: module with the parameter `mask_scores`, shared by all linears of a unit.
        mask: shared in the same way.
        geometry: which weights one score decides.
        removes: multiply by the mask; otherwise only the gradient reaches the scores.
    """

    def __init__(
        self, linear: nn.Linear, scores: nn.Module, mask: Mask, geometry: Geometry, *, removes: bool = True
    ) -> None:
        super().__init__()
        self.weight = linear.weight
        self.bias = linear.bias
        self.mask = mask
        self.geometry = geometry
        self.removes = removes
        # Not registered here: several linears share one score module, and safetensors refuses shared tensors.
        # `attach_masks` registers each once, at the root of the model.
        object.__setattr__(self, "scores", scores)
        self.moment = Moment()

    @property
    def in_features(self) -> int:
        return int(self.weight.shape[1])

    @property
    def out_features(self) -> int:
        return int(self.weight.shape[0])

    @property
    def masks_bias(self) -> bool:
        """Whether the bias of a unit goes with it."""
        return self.removes and self.bias is not None and self.geometry.kind != "columns"

    def masked_parameters(self) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Weight and bias as the forward pass uses them."""
        kept = self.mask.kept if self.removes else None
        scores: Any = self.scores
        weight: torch.Tensor = _ScoredWeight.apply(self.weight, scores.mask_scores, kept, self.geometry)  # type: ignore[no-untyped-call]
        rows = None if kept is None else self.geometry.rows(kept)
        # The bias of a dropped row goes with it but teaches the scores nothing, as in nn_pruning's `bias_mask`.
        if rows is None or self.bias is None:
            return weight, self.bias
        return weight, (self.bias.view(len(rows), -1) * rows.unsqueeze(1)).view_as(self.bias)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return F.linear(inputs, *(self.moment.ready or self.masked_parameters()))
