"""Linears with masked weights whose masks learn, at next to no cost beside a plain linear.

The score's gradient is the movement of its weights (Sanh et al. 2020, arXiv 2005.07683, equation 4), summed over all
that one score decides: dL/dS = sum(dL/dW' * W), where W' = mask * W.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn
from torch.nn import functional as F

Kind = Literal["rows", "columns", "blocks"]


@dataclass(frozen=True)
class Geometry:
    """Which weights of a matrix one score decides.

    Attributes:
        kind: groups of neighbouring rows, groups of neighbouring columns, or square blocks.
        size: rows or columns of a group (the head size; 1 for FFN rows), or the side of a block.
    """

    kind: Kind
    size: int

    def spread(self, mask: torch.Tensor) -> torch.Tensor:
        """A mask of one number a score as a factor of the matrix: (rows, 1), (columns,) or (rows, columns)."""
        if self.kind == "blocks":
            return mask.repeat_interleave(self.size, 0).repeat_interleave(self.size, 1)
        lines = mask.flatten() if self.size == 1 else mask.flatten().repeat_interleave(self.size)
        return lines if self.kind == "columns" else lines.unsqueeze(1)

    def rows(self, mask: torch.Tensor) -> torch.Tensor | None:
        """Which rows have any weight left, (rows,); None where rows never go."""
        if self.kind == "columns":
            return None
        lines = mask.amax(1) if self.kind == "blocks" else mask.flatten()
        return lines.repeat_interleave(self.size)

    def movement(self, gradient: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """sum(gradient * weight) over the weights of each score: (scores,), or (block rows, block columns).

        Args:
            gradient, weight: (rows, columns).
        """
        if self.kind == "blocks":
            rows, columns = (side // self.size for side in weight.shape)
            return (gradient * weight).view(rows, self.size, columns, self.size).sum((1, 3))
        lines: torch.Tensor = torch.linalg.vecdot(gradient, weight, dim=int(self.kind == "rows"))
        return lines.view(-1, self.size).sum(1)


@dataclass
class Mask:
    """The mask of one score group, made once for all linears that share it, when a threshold is set.

    Attributes:
        kept: 1.0 where a unit stays and 0.0 where it goes, in the shape of the scores; None before a threshold is set.
    """

    kept: torch.Tensor | None = None

    def set(self, scores: torch.Tensor, threshold: torch.Tensor) -> None:
        """Keep what scores above the threshold, 0-d. Nothing here waits for the device."""
        self.kept = (scores.detach() > threshold).to(scores.dtype)


class _ScoredWeight(torch.autograd.Function):
    """A weight, times its mask where there is one; its gradient is also the movement of the scores."""

    @staticmethod
    def forward(
        ctx: Any, weight: torch.Tensor, scores: torch.Tensor, factor: torch.Tensor | None, geometry: Geometry
    ) -> torch.Tensor:
        ctx.save_for_backward(weight, factor)
        ctx.shape, ctx.geometry = scores.shape, geometry
        return weight.view_as(weight) if factor is None else weight * factor

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        weight, factor = ctx.saved_tensors
        gradient = gradients[0]
        wanted = ctx.needs_input_grad[1]
        movement = ctx.geometry.movement(gradient, weight).view(ctx.shape) if wanted else None
        return gradient if factor is None else gradient * factor, movement, None, None


class MaskedLinear(nn.Module):
    """A linear whose groups of weights are scored, and masked where that is what removes a unit.

    Compared with nn_pruning's class of this name:

    - the mask is made when a threshold is set, not on every forward, and holds one number a score; nothing waits for
      the device (`.item()`, a comparison in Python);
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

    @property
    def in_features(self) -> int:
        return int(self.weight.shape[1])

    @property
    def out_features(self) -> int:
        return int(self.weight.shape[0])

    def masked_parameters(self) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Weight and bias as the forward pass uses them."""
        kept = self.mask.kept if self.removes else None
        factor = None if kept is None else self.geometry.spread(kept)
        scores: Any = self.scores
        weight: torch.Tensor = _ScoredWeight.apply(self.weight, scores.mask_scores, factor, self.geometry)  # type: ignore[no-untyped-call]
        rows = None if kept is None else self.geometry.rows(kept)
        # The bias of a dropped row goes with it but teaches the scores nothing, as in nn_pruning's `bias_mask`.
        return weight, self.bias if rows is None or self.bias is None else self.bias * rows

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return F.linear(inputs, *self.masked_parameters())
