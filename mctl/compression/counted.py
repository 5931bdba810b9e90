"""Budgets that decide how many units each layer keeps: FFN widths in tiles, or as much as a latency has room for.

They count on the CPU, where the scores are fetched to once a step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from mctl.compression.allocation import Part, allocate, choices, fitting_tile, importance, round_rows
from mctl.compression.budget import Budget
from mctl.compression.latency import LatencyTable
from mctl.compression.layout import Layout
from mctl.compression.movement import ScoreGroup


@dataclass(frozen=True)
class RoundedBudget:
    """A budget in weights whose layers keep FFN rows in multiples of a tile.

    Heads go as in `Budget`; the rows that its threshold leaves are rounded to tiles, layer by layer, without missing
    the level. Waits for the device once in every call.

    Attributes:
        exact: the budget that is rounded, on the CPU.
        tile: rows of a tile; 1 rounds nothing.
    """

    exact: Budget
    tile: int

    @classmethod
    def of(cls, groups: Sequence[ScoreGroup], tile: int, level: float) -> RoundedBudget:
        """The budget of some score groups of heads and rows.

        A tile too large for a small model, or for a level that leaves less than a tile a layer, is replaced by its
        largest divisor that is not: see `.tile`.

        Args:
            level: the highest that will be asked for.
        """
        exact = Budget.of(_on_cpu(groups))
        fitting = fitting_tile(tile, exact.row_weights, exact.total)
        divisors = (size for size in range(fitting, 0, -1) if fitting % size == 0)
        budgets = (replace(exact, least_rows=size) for size in divisors)
        found = next((budget for budget in budgets if level <= budget.largest_level(groups)), exact)
        return cls(found, found.least_rows)

    def thresholds(self, groups: Sequence[ScoreGroup], level: float) -> dict[str, torch.Tensor]:
        """As `Budget.thresholds`, but for the widths of the FFNs."""
        near = _on_cpu(groups)
        rough = self.exact.thresholds(near, level)
        kept = [int((group.scores > rough[group.name]).sum()) for group in near]
        if self.tile > 1:
            rows = [index for index, group in enumerate(near) if group.kind == "row"]
            heads = sum(kept) - sum(kept[index] for index in rows)
            keep = ((1 - level) * self.exact.total - heads * self.exact.head_weights) / self.exact.row_weights
            rounded = round_rows([_flat(near[index]) for index in rows], keep, self.tile)
            for index, count in zip(rows, rounded, strict=True):
                kept[index] = count
        return thresholds_of(groups, near, kept)


class UnreachableLatencyError(ValueError):
    """No layout is as fast as was asked.

    Attributes:
        goal_us: what was asked.
        best_us: predicted time of the smallest layout.
        best_level_percent: prune level of the smallest layout.
    """

    def __init__(self, goal_us: float, best_us: float, best_level_percent: float) -> None:
        self.goal_us = goal_us
        self.best_us = best_us
        self.best_level_percent = best_level_percent
        super().__init__(f"{goal_us:.1f} us were asked for; the smallest layout takes {best_us:.1f} us")


@dataclass(frozen=True)
class LatencyBudget:
    """A budget in microseconds: the units that stay are those worth most per microsecond, by a measured table.

    Waits for the device once in every call.

    Attributes:
        table: what units cost.
        dense_us: predicted time of the model with all its units, where the ramp begins.
        goal_us: predicted time in the end.
        fewest_us: predicted time of the smallest layout.
        tile: FFN rows come in multiples of it.
    """

    table: LatencyTable
    dense_us: float
    goal_us: float
    fewest_us: float
    tile: int

    @classmethod
    def of(cls, table: LatencyTable, layout: Layout, goal_us: float, tile: int) -> LatencyBudget:
        """The budget that takes a model of some layout to a latency.

        Raises:
            UnreachableLatencyError: no layout that keeps a head and a tile of FFN rows a layer is as fast.
        """
        fewest = replace(
            layout, heads=tuple(1 for _ in layout.heads), ffn=tuple(int(choices(rows, tile)[0]) for rows in layout.ffn)
        )
        fewest_us = table.model_us(fewest.heads, fewest.ffn)
        if goal_us < fewest_us:
            raise UnreachableLatencyError(goal_us, fewest_us, fewest.removed_percent(layout))
        return cls(table, table.model_us(layout.heads, layout.ffn), goal_us, fewest_us, tile)

    def towards(self, goal_us: float) -> LatencyBudget:
        """The same budget with another goal, or with the smallest layout where the goal is beyond it."""
        return replace(self, goal_us=max(goal_us, self.fewest_us))

    def thresholds(self, groups: Sequence[ScoreGroup], level: float) -> dict[str, torch.Tensor]:
        """One threshold a group, so that units with scores above it take no longer than was asked.

        Args:
            groups: heads and rows of all layers.
            level: how far to go from the dense model's time to the goal, 0..1.

        Raises:
            ValueError: the fewest units take longer than the goal.
        """
        near = _on_cpu(groups)
        limit_us = self.dense_us + level * (min(self.goal_us, self.dense_us) - self.dense_us)
        values = importance([_flat(group) for group in near], [group.weights_per_unit for group in near])
        parts = [self._part(group, worth) for group, worth in zip(near, values, strict=True)]
        return thresholds_of(groups, near, allocate(parts, limit_us - self.table.rest_us))

    def _part(self, group: ScoreGroup, values: npt.NDArray[np.float64]) -> Part:
        if group.kind == "head":
            counts = choices(len(values), 1)
            return Part(group.kind, values, counts, self.table.attention_us(counts))
        counts = choices(len(values), self.tile)
        return Part(group.kind, values, counts, self.table.ffn_us(counts))


def thresholds_of(
    groups: Sequence[ScoreGroup], near: Sequence[ScoreGroup], kept: Sequence[int]
) -> dict[str, torch.Tensor]:
    """Thresholds that keep the best units of each group, by number; of equal scores at the edge, none.

    Args:
        near: the same groups with scores on the CPU.
        kept: units to keep, one number a group, at least one each.

    Returns:
        0-d tensors by group name, on the device of the scores.
    """
    edges = [
        -np.inf if count >= group.scores.numel() else np.sort(_flat(group))[-count - 1]
        for group, count in zip(near, kept, strict=True)
    ]
    values = torch.tensor(np.array(edges), dtype=groups[0].scores.dtype).to(groups[0].scores.device)
    return {group.name: value for group, value in zip(groups, values, strict=True)}


def _on_cpu(groups: Sequence[ScoreGroup]) -> list[ScoreGroup]:
    """The groups with their scores on the CPU, fetched in one transfer."""
    flat = torch.cat([group.scores.detach().flatten() for group in groups]).cpu()
    parts = flat.split_with_sizes([group.scores.numel() for group in groups])
    return [replace(group, scores=part) for group, part in zip(groups, parts, strict=True)]  # type: ignore[arg-type]


def _flat(group: ScoreGroup) -> npt.NDArray[np.floating]:
    return np.asarray(group.scores.detach().numpy())
