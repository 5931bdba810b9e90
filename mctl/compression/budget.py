"""Which units go: one global threshold, chosen so that the masked share is exactly what the schedule asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from mctl.compression.movement import ScoreGroup


class Thresholds(Protocol):
    """What sets the masks before a step."""

    def thresholds(self, groups: Sequence[ScoreGroup], level: float) -> dict[str, torch.Tensor]:
        """One threshold a group, 0-d; a unit stays while its score is above it.

        Args:
            level: how far to go, 0..1: a share of the weights, or of the way to a latency.
        """


@dataclass(frozen=True)
class Budget:
    """Costs of all units in weights, flattened once; `thresholds` then takes the scores of the moment.

    Attributes:
        weights: (units,) encoder weights that go with each unit, group after group.
        is_row: (units,) whether the unit is of the finer kind that fills what whole heads cannot reach.
        head_weights, row_weights: weights of one head and of one row (of one block, for blocks).
        total: encoder weights of the model, which a level is a share of.
        least_rows: FFN rows that every layer keeps, if it has so many.
    """

    weights: torch.Tensor
    is_row: torch.Tensor
    head_weights: int
    row_weights: int
    total: int
    least_rows: int = 1

    @classmethod
    def of(cls, groups: Sequence[ScoreGroup], least_rows: int = 1) -> Budget:
        """The budget of some score groups, on the device of their scores."""
        device = groups[0].scores.device
        sizes = torch.tensor([group.scores.numel() for group in groups])
        costs = torch.tensor([group.weights_per_unit for group in groups])
        rows = torch.tensor([group.kind != "head" for group in groups])
        flat = costs.repeat_interleave(sizes)
        return cls(
            weights=flat.to(device),
            is_row=rows.repeat_interleave(sizes).to(device),
            head_weights=int(costs[~rows].max()) if (~rows).any() else int(costs.max()),
            row_weights=int(costs[rows].max()),
            total=int(flat.sum()),
            least_rows=least_rows,
        )

    def largest_level(self, groups: Sequence[ScoreGroup]) -> float:
        """The highest share of weights, 0..1, that can go while every place keeps its fewest units."""
        kept = sum(group.weights_per_unit * self._fewest(group) for group in groups if group.kind != "block")
        return 1 - kept / self.total

    def thresholds(self, groups: Sequence[ScoreGroup], level: float) -> dict[str, torch.Tensor]:
        """One threshold a group, so that units with scores above it hold all but `level` of the weights.

        Units of all layers and both kinds are sorted together by score and the lowest go, up to the budget: one global
        threshold decides how many heads go. A head is too large to meet a level exactly, so the number of FFN rows is
        then the one that comes closest to it. The best unit of every place is exempt: no layer loses its last head or
        its last row.

        Nothing here waits for the device.

        Args:
            groups: the groups that this budget was made of, with scores of any shape.
            level: share of the weights to mask, 0..1.

        Returns:
            0-d tensors by group name.
        """
        parts = [group.scores.detach().flatten() for group in groups]
        if groups[0].kind == "block":
            ordered = torch.cat(parts).sort().values
            count = round(level * len(ordered))  # Blocks are all of one size.
            threshold = ordered[count - 1] if count else torch.full_like(ordered[0], -torch.inf)
            return {group.name: threshold for group in groups}
        exempt = torch.stack(
            [part.topk(self._fewest(group)).values[-1] for part, group in zip(parts, groups, strict=True)]
        )
        scores = torch.cat([part.where(part < worst, torch.inf) for part, worst in zip(parts, exempt, strict=True)])
        heads, rows = self._cut(scores, level * self.total)
        below_exempt = torch.nextafter(exempt, torch.full_like(exempt, -torch.inf))
        return {
            group.name: torch.minimum(heads if group.kind == "head" else rows, limit)
            for group, limit in zip(groups, below_exempt, strict=True)
        }

    def _fewest(self, group: ScoreGroup) -> int:
        return min(self.least_rows if group.kind == "row" else 1, group.scores.numel())

    def _cut(self, scores: torch.Tensor, target: float) -> tuple[torch.Tensor, torch.Tensor]:
        """Thresholds for heads and for rows.

        Args:
            scores: (units,), infinite where exempt.
            target: weights to mask.
        """
        ordered, order = scores.sort()
        may_go = ordered.isfinite()
        prefix = (self.weights[order] * may_go).cumsum(0) <= target
        is_row = self.is_row[order]
        head_weights, row_weights = self.head_weights, self.row_weights
        heads_so_far, rows_so_far = (may_go & ~is_row).cumsum(0), (may_go & is_row).cumsum(0)
        all_heads, all_rows = heads_so_far[-1], rows_so_far[-1]
        heads = (prefix & may_go & ~is_row).sum()
        # Where even all rows cannot make up for the heads that were spared, more heads have to go.
        lacking = (target - heads * head_weights - all_rows * row_weights) / head_weights
        heads = torch.minimum(heads + lacking.ceil().clamp(min=0).long(), all_heads)
        rows = ((target - heads * head_weights) / row_weights).round().clamp(min=0).long()
        return _nth(ordered, heads_so_far, heads), _nth(ordered, rows_so_far, torch.minimum(rows, all_rows))


def _nth(ordered: torch.Tensor, so_far: torch.Tensor, count: torch.Tensor) -> torch.Tensor:
    """The score, 0-d, up to which there are `count` units of a kind; minus infinity for none.

    An index of one element rather than a number: Python would fetch the number from the device.

    Args:
        ordered: (units,) scores of all kinds, ascending.
        so_far: (units,) how many of the kind there are up to each.
        count: 0-d.
    """
    place = torch.searchsorted(so_far, count.reshape(1)).clamp(max=len(ordered) - 1)
    return torch.where(count > 0, ordered.index_select(0, place)[0], -torch.inf)


def masked_share(groups: Sequence[ScoreGroup], thresholds: dict[str, torch.Tensor]) -> float:
    """Share of the weights, 0..1, whose unit's score is not above its threshold."""
    masked = total = 0
    for group in groups:
        gone = int((group.scores.detach() <= thresholds[group.name]).sum())
        masked += gone * group.weights_per_unit
        total += group.scores.numel() * group.weights_per_unit
    return masked / total
