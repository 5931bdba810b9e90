"""All masks of a model: what the units of each place score, and which of them stay."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import nn

from mctl.compression.masking import Bank, Mask, MaskedLinear
from mctl.compression.stacking import StackedBank


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


@dataclass(frozen=True)
class Run:
    """Neighbouring score groups of one kind and shape, which are handled as one tensor.

    Attributes:
        first, end: the groups, as in a slice.
    """

    first: int
    end: int
    kind: str
    shape: torch.Size

    @property
    def groups(self) -> int:
        return self.end - self.first

    @property
    def units(self) -> int:
        """Units of one group."""
        return self.shape.numel()


def runs(groups: Sequence[ScoreGroup]) -> tuple[Run, ...]:
    """Groups in their order, cut where kind or shape changes."""
    found, first = [], 0
    for (kind, shape), same in groupby(groups, lambda group: (group.kind, group.scores.shape)):
        end = first + len(list(same))
        found.append(Run(first, end, kind, shape))
        first = end
    return tuple(found)


def scores_of(groups: Sequence[ScoreGroup], run: Run) -> torch.Tensor:
    """A copy of the scores of a run, (groups, units)."""
    return torch.stack([group.scores for group in groups[run.first : run.end]]).flatten(1)


def by_group(groups: Sequence[ScoreGroup], units: torch.Tensor) -> list[torch.Tensor]:
    """Cut a vector of one number a unit, group after group, into those of each group, (units of the group,)."""
    return list(units.split_with_sizes([group.scores.numel() for group in groups]))


class Masks:
    """The masks on a model.

    Attributes:
        groups: the score groups; those of one kind and shape are neighbours, and handled as one tensor.
    """

    def __init__(self, groups: Sequence[ScoreGroup], masks: dict[str, Mask], linears: Sequence[MaskedLinear]) -> None:
        """Masks that linears share; each is given a place in a bank.

        Args:
            groups: layer by layer.
            masks: by the name of their group.
            linears: all that are masked.
        """
        # Their order stays layer by layer: an optimizer in a checkpoint knows them by it.
        self._scores = [group.scores for group in groups]
        self.groups = tuple(sorted(groups, key=lambda group: (group.kind, *group.scores.shape)))
        self._runs = runs(self.groups)
        self._banks = [Bank() for _ in self._runs]
        for run, bank in zip(self._runs, self._banks, strict=True):
            for place, group in enumerate(self.groups[run.first : run.end]):
                masks[group.name].bank, masks[group.name].place = bank, place
        self._masks = masks
        stacked = (StackedBank.of(bank, linears) for bank in self._banks)
        self._stacked = [bank for bank in stacked if bank is not None]

    def parameters(self) -> list[nn.Parameter]:
        """The score parameters, for the optimizer, layer by layer."""
        return list(self._scores)

    def set(self, kept: torch.Tensor) -> None:
        """Make the masks anew.

        Args:
            kept: (units,) 1.0 where a unit stays and 0.0 where it goes, group after group.
        """
        sizes = [run.groups * run.units for run in self._runs]
        for run, bank, part in zip(self._runs, self._banks, kept.split_with_sizes(sizes), strict=True):
            bank.kept = part.view(run.groups, *run.shape)

    def to(self, device: str) -> None:
        """Move the masks to a device; the scores move with the model."""
        for bank in self._banks:
            bank.kept = None if bank.kept is None else bank.kept.to(device)

    def kept(self, group: str) -> torch.Tensor:
        """The mask of a group as it was last set, in the shape of its scores."""
        kept = self._masks[group].kept
        if kept is None:
            raise RuntimeError("no masks have been set")
        return kept

    def masked_share(self) -> float:
        """Share of the encoder weights, 0..1, whose mask is zero."""
        return masked_share(self.groups, torch.cat([self.kept(group.name).flatten() for group in self.groups]))

    @contextmanager
    def one_pass(self, stacked: bool | None = None) -> Iterator[None]:
        """Within it the model makes one forward pass, for which all weights are masked at once.

        Without it every linear masks its own, with the same result but for the last digits of what scores learn, in
        hundreds of small operations instead of a few dozen: on a GPU these take longer to be launched than to run. A
        layer that is computed again in the backward pass (gradient checkpointing) has to do without.

        Args:
            stacked: None: where scores are on an accelerator. A CPU launches nothing, and stacks take it another copy
                of the weights.
        """
        if stacked is None:
            stacked = self.groups[0].scores.device.type != "cpu"
        try:
            for bank in self._stacked if stacked else ():
                bank.prepare()
            yield
        finally:
            for bank in self._stacked:
                bank.forget()


def masked_share(groups: Sequence[ScoreGroup], kept: torch.Tensor) -> float:
    """Share of the weights, 0..1, that go.

    Args:
        kept: (units,) 1.0 where a unit stays and 0.0 where it goes, group after group.
    """
    gone = sum(
        int((part == 0).sum()) * group.weights_per_unit
        for group, part in zip(groups, by_group(groups, kept), strict=True)
    )
    return gone / sum(group.scores.numel() * group.weights_per_unit for group in groups)
