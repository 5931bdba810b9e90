"""Budgets that count units: tiles without missing the level, and layouts that are as fast as was asked."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from mctl.compression.allocation import LEVEL_TOLERANCE
from mctl.compression.budget import Budget
from mctl.compression.counted import LatencyBudget, RoundedBudget, UnreachableLatencyError
from mctl.compression.latency import LatencyTable
from mctl.compression.layout import Layout
from mctl.compression.masks import ScoreGroup, by_group, masked_share

HEAD_SIZE, HIDDEN = 16, 64


def groups_of(layers: int, heads: int, rows: int, seed: int) -> list[ScoreGroup]:
    generator = torch.Generator().manual_seed(seed)
    made = []
    for layer in range(layers):
        attention = nn.Parameter(torch.randn(heads, 1, generator=generator))
        ffn = nn.Parameter(torch.randn(rows, generator=generator))
        made.append(ScoreGroup(f"attention.{layer}", "head", attention, 4 * HEAD_SIZE * HIDDEN))
        made.append(ScoreGroup(f"ffn.{layer}", "row", ffn, 2 * HIDDEN))
    return made


def kept(groups: list[ScoreGroup], mask: torch.Tensor, kind: str) -> list[int]:
    """How many units of a kind each layer keeps; they are its best."""
    counts = []
    for group, own in zip(groups, by_group(groups, mask), strict=True):
        scores = group.scores.detach().flatten()
        if group.kind == kind:
            counts.append(int(own.sum()))
            assert own[scores.topk(counts[-1]).indices].all()
    return counts


def layout_of(groups: list[ScoreGroup]) -> Layout:
    sizes = {kind: tuple(g.scores.numel() for g in groups if g.kind == kind) for kind in ("head", "row")}
    return Layout(sizes["head"], sizes["row"], HEAD_SIZE, HIDDEN)


# A busy machine is no failure.
untimed = settings(deadline=None)
models = st.builds(
    groups_of,
    layers=st.integers(1, 5),
    heads=st.integers(1, 12),
    rows=st.integers(8, 300),
    seed=st.integers(0, 2**20),
)


@untimed
@given(groups=models, level=st.floats(0.0, 0.95), tile=st.sampled_from([1, 8, 32, 48]))
def test_widths_are_tiles_and_the_level_is_met(groups: list[ScoreGroup], level: float, tile: int) -> None:
    budget = RoundedBudget.of(groups, tile, level)
    assume(level <= budget.exact.largest_level(groups))
    mask = budget.kept(groups, level)
    assert tile % budget.tile == 0
    full = groups[1].scores.numel()
    assert all(rows == full or rows % budget.tile == 0 for rows in kept(groups, mask, "row"))
    assert min(kept(groups, mask, "head") + kept(groups, mask, "row")) >= 1
    exact = Budget.of(groups)
    spare_rows = sum(g.scores.numel() - min(budget.tile, full) for g in groups if g.kind == "row")
    if spare_rows * exact.row_weights >= exact.head_weights:
        most = max(LEVEL_TOLERANCE, exact.row_weights / exact.total)
        assert abs(masked_share(groups, mask) - level) <= most + 1e-9


def test_a_wide_ffn_keeps_the_tile_and_a_narrow_one_gets_a_divisor() -> None:
    assert RoundedBudget.of(groups_of(12, 12, 1536, 0), 32, 0.5).tile == 32
    narrow = RoundedBudget.of(groups_of(2, 4, 64, 0), 32, 0.5)
    assert narrow.tile == 2
    # A level that leaves less than a tile a layer is met with what divides the tile.
    assert RoundedBudget.of(groups_of(12, 2, 1536, 0), 32, 0.969).tile == 16


@untimed
@given(groups=models, level=st.floats(0.1, 0.9), share=st.floats(0, 0.99))
def test_nothing_is_rounded_on_the_way(groups: list[ScoreGroup], level: float, share: float) -> None:
    budget = RoundedBudget.of(groups, 8, level)
    assert torch.equal(budget.kept(groups, share * level), budget.exact.kept(groups, share * level))


def test_layers_of_several_widths_are_rounded_together() -> None:
    groups = groups_of(2, 4, 300, 0) + groups_of(2, 4, 210, 1)
    groups = [replace(group, name=f"{group.name}.{place}") for place, group in enumerate(groups)]
    budget = RoundedBudget.of(groups, 8, 0.5)
    assert budget.tile == 8
    mask = budget.kept(groups, 0.5)
    assert all(rows % 8 == 0 for rows in kept(groups, mask, "row"))
    assert abs(masked_share(groups, mask) - 0.5) <= LEVEL_TOLERANCE


def test_rounding_leaves_heads_to_the_global_threshold() -> None:
    groups = groups_of(12, 12, 1536, seed=3)
    rounded = RoundedBudget.of(groups, 32, 0.6).kept(groups, 0.6)
    exact = Budget.of(groups).kept(groups, 0.6)
    assert kept(groups, rounded, "head") == kept(groups, exact, "head")
    for one, other in zip(kept(groups, rounded, "row"), kept(groups, exact, "row"), strict=True):
        assert abs(one - other) <= 32


def table_for(heads: int, rows: int, *, head_us: float = 40.0, row_us: float = 1.0) -> LatencyTable:
    return LatencyTable((1, heads), (0.0, head_us * (heads - 1)), (1, rows), (0.0, row_us * (rows - 1)), 500.0)


@untimed
@given(groups=models, share=st.floats(0, 1), tile=st.sampled_from([1, 8, 32]))
def test_what_is_kept_is_as_fast_as_was_asked(groups: list[ScoreGroup], share: float, tile: int) -> None:
    layout = layout_of(groups)
    table = table_for(max(layout.heads[0], 2), layout.ffn[0])
    dense = table.model_us(layout.heads, layout.ffn)
    try:
        budget = LatencyBudget.of(table, layout, share * dense, tile)
    except UnreachableLatencyError as error:
        assert error.best_us > share * dense
        return
    mask = budget.kept(groups, 1.0)
    heads, rows = kept(groups, mask, "head"), kept(groups, mask, "row")
    assert min(heads + rows) >= 1
    assert all(count == layout.ffn[0] or count % tile == 0 for count in rows)
    took = table.model_us(heads, rows)
    assert took <= share * dense + 1e-3
    if heads != list(layout.heads) or rows != list(layout.ffn):
        assert took >= share * dense - max(40.0, float(tile)) - 1e-3


@untimed
@given(groups=models, level=st.floats(0, 1), more=st.floats(0, 0.5))
def test_further_on_the_way_is_never_slower_by_more_than_a_unit(
    groups: list[ScoreGroup], level: float, more: float
) -> None:
    layout = layout_of(groups)
    table = table_for(max(layout.heads[0], 2), layout.ffn[0])
    fewest = table.model_us([1] * len(layout.heads), [min(8, width) for width in layout.ffn])
    budget = LatencyBudget.of(table, layout, fewest, 8)
    took = []
    for reached in (level, min(level + more, 1.0)):
        mask = budget.kept(groups, reached)
        took.append(table.model_us(kept(groups, mask, "head"), kept(groups, mask, "row")))
    assert took[1] <= took[0] + 40.0 + 1e-3


def test_the_way_begins_with_all_units_and_a_goal_that_is_met_already_keeps_them() -> None:
    groups = groups_of(3, 4, 50, 0)
    layout = layout_of(groups)
    table = table_for(4, 50)
    dense = table.model_us(layout.heads, layout.ffn)
    for goal, level in ((dense * 0.8, 0.0), (dense * 2, 1.0)):
        mask = LatencyBudget.of(table, layout, goal, 32).kept(groups, level)
        assert masked_share(groups, mask) == 0


def test_time_per_weight_decides_between_heads_and_rows() -> None:
    groups = groups_of(4, 8, 256, seed=1)
    layout = layout_of(groups)
    left = {}
    # A head holds as many weights as 32 rows; first its time is that of 8 rows, then that of 128.
    for head_us in (8.0, 128.0):
        table = table_for(8, 256, head_us=head_us)
        goal = 0.6 * table.model_us(layout.heads, layout.ffn)
        left[head_us] = LatencyBudget.of(table, layout, goal, 8).kept(groups, 1.0)
    assert sum(kept(groups, left[8.0], "head")) > 24
    assert sum(kept(groups, left[128.0], "head")) < 20


def test_a_goal_that_no_layout_reaches_tells_the_best_and_its_level() -> None:
    layout = Layout((4, 4), (64, 64), HEAD_SIZE, HIDDEN)
    table = table_for(4, 64)
    with pytest.raises(UnreachableLatencyError) as caught:
        LatencyBudget.of(table, layout, 300.0, 32)
    smallest = Layout((1, 1), (32, 32), HEAD_SIZE, HIDDEN)
    assert caught.value.best_us == table.model_us(smallest.heads, smallest.ffn)
    assert caught.value.best_level_percent == smallest.removed_percent(layout)
    assert caught.value.goal_us == 300.0
