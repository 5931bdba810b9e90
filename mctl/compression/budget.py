"""Which units go: one global threshold, chosen so that the masked share is exactly what the schedule asks for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import torch

from mctl.compression.masks import Run, ScoreGroup, runs, scores_of


class UnitBudget(Protocol):
    """What sets the masks before a step."""

    def kept(self, groups: Sequence[ScoreGroup], level: float) -> torch.Tensor:
        """(units,) 1.0 where a unit stays and 0.0 where it goes, group after group.

        Args:
            level: how far to go, 0..1: a share of the weights, or of the way to a latency.
        """


@dataclass(frozen=True)
class Budget:
    """Costs of all units in weights, counted once; `kept` then takes the scores of the moment.

    Attributes:
        runs: groups of one kind and shape.
        head_weights, row_weights: encoder weights that go with one head and with one row (or block).
        total: encoder weights of the model, which a level is a share of.
        least_rows: FFN rows that every layer keeps, if it has so many.
    """

    runs: tuple[Run, ...]
    head_weights: int
    row_weights: int
    total: int
    least_rows: int = 1

    @classmethod
    def of(cls, groups: Sequence[ScoreGroup], least_rows: int = 1) -> Budget:
        """The budget of some score groups."""
        costs = {group.kind: group.weights_per_unit for group in groups}
        least = min(costs.values())
        return cls(
            runs=runs(groups),
            head_weights=costs.get("head", least),
            row_weights=costs.get("row", least),
            total=sum(group.scores.numel() * group.weights_per_unit for group in groups),
            least_rows=least_rows,
        )

    def largest_level(self, groups: Sequence[ScoreGroup]) -> float:
        """The highest share of weights, 0..1, that can go while every place keeps its fewest units."""
        kept = sum(
            run.groups * self._fewest(run) * groups[run.first].weights_per_unit
            for run in self.runs
            if run.kind != "block"
        )
        return 1 - kept / self.total

    @torch.no_grad()
    def kept(self, groups: Sequence[ScoreGroup], level: float) -> torch.Tensor:
        """Which units stay, so that they hold all but `level` of the weights.

        Units of all layers and both kinds are sorted together by score and the lowest go, up to the budget: one global
        threshold decides how many heads go. A head is too large to meet a level exactly, so the number of FFN rows is
        then the one that comes closest to it. The best units of every place are exempt: no layer loses its last head
        or its last row, as long as scores are numbers. Of equal scores that are not exempt the first goes first.

        Nothing here waits for the device, and groups of one shape are handled as one, since on a GPU every operation
        of this costs a step about as much as one of its products.

        Args:
            groups: the groups that this budget was made of.
            level: share of the weights to mask, 0..1.

        Returns:
            (units,) 1.0 or 0.0, group after group.
        """
        banks = [scores_of(groups, run) for run in self.runs]
        for run, bank in zip(self.runs, banks, strict=True):
            if run.kind != "block":
                bank.scatter_(1, bank.topk(self._fewest(run), dim=1).indices, torch.inf)
        scores = torch.cat([bank.flatten() for bank in banks])
        order = scores.argsort(stable=True)
        kept = torch.ones_like(scores)
        if self.runs[0].kind == "block":
            return kept.index_fill_(0, order[: round(level * len(order))], 0.0)  # Blocks are all of one size.
        may_go = order[: self._spare("head") + self._spare("row")]
        if not len(may_go):
            return kept
        return kept.scatter_(0, may_go, self._stays(self.is_head(scores.device)[may_go], level).to(kept.dtype))

    def is_head(self, device: torch.device) -> torch.Tensor:
        """(units,) whether the unit is of the coarser kind, whose gaps rows fill."""
        return _heads(self.runs, device)

    def _stays(self, is_head: torch.Tensor, level: float) -> torch.Tensor:
        """Which of the units that may go stay all the same, by ascending score.

        Args:
            is_head: (units that may go,).
        """
        spare_heads, spare_rows = self._spare("head"), self._spare("row")
        # All in rows: what a head weighs, and what has to go.
        head, target = self.head_weights / self.row_weights, level * self.total / self.row_weights
        place = counting(len(is_head), is_head.device)
        heads_so_far = is_head.cumsum(0, dtype=place.dtype)
        within = torch.add(place, heads_so_far, alpha=head - 1) <= target
        # Where even all rows cannot make up for the heads that were spared, more heads have to go.
        least = min(max(math.ceil((target - spare_rows) / head), 0), spare_heads)
        heads = (heads_so_far * within).max().clamp(least, spare_heads)
        rows = torch.rsub(heads, target, alpha=head).round_().clamp_(0, spare_rows)
        return torch.where(is_head, heads_so_far, place - heads_so_far) > torch.where(is_head, heads, rows)

    def _spare(self, kind: str) -> int:
        """Units of a kind that may go."""
        return sum(run.groups * (run.units - self._fewest(run)) for run in self.runs if run.kind == kind)

    def _fewest(self, run: Run) -> int:
        return min(self.least_rows if run.kind == "row" else 1, run.units)


# Models move between devices: what a budget needs beside the scores is where they are, and made there once.
@lru_cache(maxsize=8)
def _heads(runs: tuple[Run, ...], device: torch.device) -> torch.Tensor:
    return torch.cat([torch.full((run.groups * run.units,), run.kind == "head", device=device) for run in runs])


@lru_cache(maxsize=8)
def counting(last: int, device: torch.device) -> torch.Tensor:
    """1, 2, 3 ... as floats, (last,): exact up to 16 million."""
    return torch.arange(1, last + 1, dtype=torch.float32, device=device)
