"""All masked weights of a pass made at once: what `masking.py` defines linear by linear, in far fewer operations.

A step of a small model on a GPU is bound by how fast Python launches operations. Linear by linear, masks and movement
need several for each of five linears a layer; here weights of one shape are stacked, and the layers cost nothing extra.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, compress, islice
from typing import Any, TypeAlias

import torch

from mctl.compression.masking import Bank, Fold, Geometry, MaskedLinear

Tensors: TypeAlias = Sequence[torch.Tensor]


@dataclass(frozen=True)
class Stack:
    """Linears of one shape whose scores decide alike: the queries, keys and values of all layers, for example.

    Attributes:
        roles: the linears of each role, a score group each, in the order of the bank.
    """

    roles: tuple[tuple[MaskedLinear, ...], ...]

    @cached_property
    def linears(self) -> list[MaskedLinear]:
        """Role after role."""
        return list(chain.from_iterable(self.roles))

    @property
    def geometry(self) -> Geometry:
        return self.roles[0][0].geometry

    @cached_property
    def fold(self) -> Fold:
        return self.geometry.fold(self.roles[0][0].weight.shape)

    def movement(self, gradients: Tensors, weights: Tensors) -> torch.Tensor:
        """What the scores of the bank learn from these linears: (groups, units), or (groups, block rows, columns).

        Args:
            gradients, weights: (rows, columns) of every linear, role after role.
        """
        fold = self.fold
        products = torch.stack(torch._foreach_mul(list(gradients), list(weights)))
        folded = products.view(len(self.roles), len(self.roles[0]), *fold.shape)
        return folded.sum((0, *(axis + 2 for axis in fold.within)))

    def masked(self, matrices: Tensors, kept: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Matrices of one role, (rows, columns) each, times the masks of the bank."""
        fold = self.fold
        stacked = torch.stack(list(matrices))
        stacked.view(-1, *fold.shape).mul_(kept.view(-1, *fold.mask_shape))
        return stacked.unbind()

    def masked_biases(self, biases: Tensors, kept: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Biases of one role, (rows,) each, times 0.0 where all weights of their row go."""
        rows = kept.amax(2) if self.geometry.kind == "blocks" else kept.flatten(1)
        stacked = torch.stack(list(biases))
        stacked.view(*rows.shape, -1).mul_(rows.unsqueeze(2))
        return stacked.unbind()


@dataclass(frozen=True)
class StackedBank:
    """A bank of masks, and all linears that share its scores.

    Attributes:
        masks: the bank.
        stacks: its linears, by shape.
    """

    masks: Bank
    stacks: tuple[Stack, ...]

    @classmethod
    def of(cls, masks: Bank, linears: Sequence[MaskedLinear]) -> StackedBank | None:
        """Those of `linears` whose masks are in a bank; None where places differ in their linears.

        One layer whose value has no bias is such a case: what cannot be stacked is left to the linears themselves.
        """
        places: dict[int, list[MaskedLinear]] = {}
        for linear in linears:
            if linear.mask.bank is masks:
                places.setdefault(linear.mask.place, []).append(linear)
        of_places = [places[place] for place in sorted(places)]
        if len({tuple(map(_traits, own)) for own in of_places}) != 1:
            return None
        # From the linears of every place to the places of every role.
        alike: dict[tuple[Geometry, torch.Size], list[tuple[MaskedLinear, ...]]] = {}
        for role in zip(*of_places, strict=True):
            alike.setdefault((role[0].geometry, role[0].weight.shape), []).append(role)
        return cls(masks, tuple(Stack(tuple(roles)) for roles in alike.values()))

    @cached_property
    def linears(self) -> list[MaskedLinear]:
        """Stack after stack."""
        return [linear for stack in self.stacks for linear in stack.linears]

    @cached_property
    def scores(self) -> list[torch.Tensor]:
        """The parameters, one a group."""
        first: Sequence[Any] = self.stacks[0].roles[0]
        return [linear.scores.mask_scores for linear in first]

    def masked(self, matrices: Tensors, kept: torch.Tensor | None) -> Iterator[torch.Tensor]:
        """A matrix of every linear, times its mask where that is what removes a unit."""
        left = iter(matrices)
        for stack in self.stacks:
            for role in stack.roles:
                own = list(islice(left, len(role)))
                yield from own if kept is None or not role[0].removes else stack.masked(own, kept)

    def masked_biases(self, biases: Tensors, kept: torch.Tensor | None) -> Iterator[torch.Tensor]:
        """A vector of every linear whose bias is masked, times the mask of its rows."""
        left = iter(biases)
        for stack in self.stacks:
            for role in stack.roles:
                own = list(islice(left, len(role))) if role[0].masks_bias else []
                yield from own if kept is None or not own else stack.masked_biases(own, kept)

    def movement(self, gradients: Tensors, weights: Tensors) -> list[torch.Tensor]:
        """What the scores learn, in the shape of each group's.

        Args:
            gradients, weights: (rows, columns) of every linear.
        """
        total: torch.Tensor | None = None
        first = 0
        for stack in self.stacks:
            own = slice(first, first + len(stack.linears))
            moved = stack.movement(gradients[own], weights[own])
            total = moved if total is None else total.add_(moved)
            first = own.stop
        assert total is not None
        scores = self.scores
        return list(total.view(len(scores), *scores[0].shape).unbind())

    def prepare(self) -> None:
        """Make what the linears use in the next forward pass."""
        linears, with_bias = self.linears, [linear.masks_bias for linear in self.linears]
        biases = [linear.bias for linear in linears]
        tensors = (*self.scores, *(linear.weight for linear in linears), *compress(biases, with_bias))
        outputs: tuple[torch.Tensor, ...] = _StackedWeights.apply(self, *tensors)  # type: ignore[no-untyped-call]
        weights, of_biases = _cut(outputs, self)
        masked = iter(of_biases)
        for linear, weight, bias, masks_it in zip(linears, weights, biases, with_bias, strict=True):
            linear.moment.ready = weight, next(masked) if masks_it else bias

    def forget(self) -> None:
        """The pass is over."""
        for linear in self.linears:
            linear.moment.ready = None


class _StackedWeights(torch.autograd.Function):
    """The weights and biases of a bank as a pass uses them; their gradients are also the movement of the scores."""

    @staticmethod
    def forward(ctx: Any, bank: StackedBank, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        ctx.bank, ctx.kept, ctx.groups = bank, bank.masks.kept, len(bank.scores)
        weights, biases = _cut(tensors[ctx.groups :], bank)
        ctx.save_for_backward(*weights)
        return *bank.masked(weights, ctx.kept), *bank.masked_biases(biases, ctx.kept)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        bank, kept = ctx.bank, ctx.kept
        of_weights, of_biases = _cut(gradients, bank)
        wanted = any(ctx.needs_input_grad[1 : ctx.groups + 1])
        moved = bank.movement(of_weights, ctx.saved_tensors) if wanted else [None] * ctx.groups
        return None, *moved, *bank.masked(of_weights, kept), *bank.masked_biases(of_biases, kept)


def _traits(linear: MaskedLinear) -> tuple[Geometry, torch.Size, bool, bool]:
    """What linears of one role have to have in common."""
    return linear.geometry, linear.weight.shape, linear.removes, linear.masks_bias


def _cut(tensors: Tensors, bank: StackedBank) -> tuple[Tensors, Tensors]:
    """Those of the weights, and those of the biases."""
    weights = len(bank.linears)
    return tensors[:weights], tensors[weights:]
