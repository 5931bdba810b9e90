"""Budgets that decide how many units each layer keeps: FFN widths in tiles, or as much as a latency has room for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from mctl.compression.allocation import Part, allocate, choices, fitting_tile, importance
from mctl.compression.budget import Budget
from mctl.compression.latency import LatencyTable
from mctl.compression.layout import Layout
from mctl.compression.masks import ScoreGroup, scores_of
from mctl.compression.rounding import Tiles


@dataclass(frozen=True)
class RoundedBudget:
    """A budget in weights whose layers keep FFN rows in multiples of a tile.

    Heads go as in `Budget`; the rows that it leaves are rounded to tiles, layer by layer, without missing the level.
    On the way to the level nothing is rounded: those widths are left behind anyway.

    Attributes:
        exact: the budget that is rounded.
        tiles: of the FFN rows of all layers; tiles of one row round nothing.
        level: from which widths are rounded.
    """

    exact: Budget
    tiles: Tiles
    level: float

    @property
    def tile(self) -> int:
        """Rows of a tile."""
        return self.tiles.rows

    @classmethod
    def of(cls, groups: Sequence[ScoreGroup], tile: int, level: float) -> RoundedBudget:
        """The budget of some score groups of heads and rows.

        A tile too large for a small model, or for a level that leaves less than a tile a layer, is replaced by its
        largest divisor that is not: see `.tile`.

        Args:
            level: the highest that will be asked for.
        """
        exact = Budget.of(groups)
        fitting = fitting_tile(tile, exact.row_weights, exact.total)
        divisors = (size for size in range(fitting, 0, -1) if fitting % size == 0)
        budgets = (replace(exact, least_rows=size) for size in divisors)
        found = next((budget for budget in budgets if level <= budget.largest_level(groups)), exact)
        widths = tuple(group.scores.numel() for group in groups if group.kind == "row")
        return cls(found, Tiles(widths, found.least_rows), level)

    @torch.no_grad()
    def kept(self, groups: Sequence[ScoreGroup], level: float) -> torch.Tensor:
        """As `Budget.kept`, but for the widths of the FFNs."""
        rough = self.exact.kept(groups, level)
        if self.tile == 1 or level < self.level:
            return rough
        exact = self.exact
        heads = (rough * exact.is_head(rough.device)).sum()
        # In rows: what may stay, less what the heads take of it.
        keep = torch.rsub(
            heads, (1 - level) * exact.total / exact.row_weights, alpha=exact.head_weights / exact.row_weights
        )
        parts = list(rough.split_with_sizes([run.groups * run.units for run in exact.runs]))
        rows = [index for index, run in enumerate(exact.runs) if run.kind == "row"]
        rounded = self.tiles.kept([scores_of(groups, exact.runs[index]) for index in rows], keep)
        for index, part in zip(rows, rounded, strict=True):
            parts[index] = part.flatten()
        return torch.cat(parts)


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

    It counts on the CPU, and waits for the device once in every call.

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

    def kept(self, groups: Sequence[ScoreGroup], level: float) -> torch.Tensor:
        """Which units stay, so that they take no longer than was asked: (units,) 1.0 or 0.0, group after group.

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
        return best_units(groups, near, allocate(parts, limit_us - self.table.rest_us))

    def _part(self, group: ScoreGroup, values: npt.NDArray[np.float64]) -> Part:
        if group.kind == "head":
            counts = choices(len(values), 1)
            return Part(group.kind, values, counts, self.table.attention_us(counts))
        counts = choices(len(values), self.tile)
        return Part(group.kind, values, counts, self.table.ffn_us(counts))


def best_units(groups: Sequence[ScoreGroup], near: Sequence[ScoreGroup], counts: Sequence[int]) -> torch.Tensor:
    """Keep the best units of each group, by number; of equal scores the last.

    Args:
        near: the same groups with scores on the CPU.
        counts: units to keep, one number a group.

    Returns:
        (units,) 1.0 or 0.0, group after group, on the device of the scores.
    """
    kept = [np.ones(group.scores.numel(), dtype=np.float32) for group in near]
    for stays, group, count in zip(kept, near, counts, strict=True):
        stays[np.argsort(_flat(group), kind="stable")[: len(stays) - count]] = 0
    scores = groups[0].scores
    return torch.from_numpy(np.concatenate(kept)).to(scores.device, scores.dtype)


def _on_cpu(groups: Sequence[ScoreGroup]) -> list[ScoreGroup]:
    """The groups with their scores on the CPU, fetched in one transfer."""
    flat = torch.cat([group.scores.detach().flatten() for group in groups]).cpu()
    parts = flat.split_with_sizes([group.scores.numel() for group in groups])
    return [replace(group, scores=part) for group, part in zip(groups, parts, strict=True)]  # type: ignore[arg-type]


def _flat(group: ScoreGroup) -> npt.NDArray[np.floating]:
    return np.asarray(group.scores.detach().numpy())
