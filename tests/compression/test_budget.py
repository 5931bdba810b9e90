"""The global threshold: exact levels, order by score, and no layer without its last unit."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from mctl.compression.budget import Budget, masked_share
from mctl.compression.movement import ScoreGroup
from mctl.compression.schedule import CubicSchedule


def groups_of(layers: int, heads: int, rows: int, head_weights: int, row_weights: int, seed: int) -> list[ScoreGroup]:
    generator = torch.Generator().manual_seed(seed)
    made = []
    for layer in range(layers):
        attention = nn.Parameter(torch.randn(heads, 1, generator=generator))
        ffn = nn.Parameter(torch.randn(rows, generator=generator))
        made.append(ScoreGroup(f"attention.{layer}", "head", attention, head_weights))
        made.append(ScoreGroup(f"ffn.{layer}", "row", ffn, row_weights))
    return made


models = st.builds(
    groups_of,
    layers=st.integers(1, 5),
    heads=st.integers(1, 12),
    rows=st.integers(8, 200),
    head_weights=st.sampled_from([256, 1000, 4096]),
    row_weights=st.sampled_from([16, 64]),
    seed=st.integers(0, 2**20),
)


@given(groups=models, level=st.floats(0.0, 0.97))
def test_level_is_met_to_half_a_row_where_rows_can_stand_in_for_a_head(groups: list[ScoreGroup], level: float) -> None:
    budget = Budget.of(groups)
    share = masked_share(groups, budget.thresholds(groups, level))
    spare_rows = sum(g.scores.numel() - 1 for g in groups if g.kind == "row")
    if level <= budget.largest_level(groups) and spare_rows * budget.row_weights >= budget.head_weights:
        assert abs(share - level) <= budget.row_weights / budget.total / 2 + 1e-9


@given(groups=models, level=st.floats(0.0, 1.0))
def test_every_place_keeps_its_best_unit(groups: list[ScoreGroup], level: float) -> None:
    thresholds = Budget.of(groups).thresholds(groups, level)
    for group in groups:
        assert group.scores.max() > thresholds[group.name]


@given(groups=models, level=st.floats(0.05, 0.9))
def test_units_go_in_the_order_of_their_scores_over_all_layers(groups: list[ScoreGroup], level: float) -> None:
    thresholds = Budget.of(groups).thresholds(groups, level)
    for kind in ("head", "row"):
        same = [group for group in groups if group.kind == kind]
        gone = torch.cat([g.scores[g.scores <= thresholds[g.name]].flatten() for g in same])
        # The best unit of a place stays whatever its score: it is exempt from the order.
        kept = torch.cat(
            [g.scores[(g.scores > thresholds[g.name]) & (g.scores < g.scores.max())].flatten() for g in same]
        )
        if gone.numel() and kept.numel():
            assert gone.max() <= kept.min()


@given(groups=models, level=st.floats(0.0, 0.9), more=st.floats(0.0, 0.07))
def test_a_higher_level_never_brings_back_a_head(groups: list[ScoreGroup], level: float, more: float) -> None:
    budget = Budget.of(groups)
    low, high = budget.thresholds(groups, level), budget.thresholds(groups, level + more)
    for group in groups:
        if group.kind == "head":
            assert high[group.name] >= low[group.name]


def test_level_zero_masks_nothing_and_the_largest_level_leaves_one_unit_a_place() -> None:
    groups = groups_of(3, 4, 20, 512, 32, seed=0)
    budget = Budget.of(groups)
    assert masked_share(groups, budget.thresholds(groups, 0.0)) == 0
    largest = budget.largest_level(groups)
    thresholds = budget.thresholds(groups, largest)
    assert all(int((group.scores > thresholds[group.name]).sum()) == 1 for group in groups)
    assert masked_share(groups, thresholds) == largest


def test_blocks_share_one_threshold_and_may_all_go() -> None:
    generator = torch.Generator().manual_seed(0)
    groups = [
        ScoreGroup(f"query.{i}", "block", nn.Parameter(torch.randn(4, 4, generator=generator)), 64) for i in range(3)
    ]
    thresholds = Budget.of(groups).thresholds(groups, 0.5)
    assert len({float(value) for value in thresholds.values()}) == 1
    assert masked_share(groups, thresholds) == 0.5


@given(final=st.floats(0.01, 1.0), warmup=st.integers(0, 50), ramp=st.integers(1, 500), step=st.integers(0, 600))
def test_schedule_rises_from_nothing_to_its_final_level(final: float, warmup: int, ramp: int, step: int) -> None:
    schedule = CubicSchedule(final, warmup, ramp)
    assert schedule.level(warmup) == 0
    assert schedule.level(warmup + ramp) == final
    assert 0 <= schedule.level(step) <= schedule.level(step + 1) <= final


def test_schedule_is_cubic() -> None:
    assert CubicSchedule(0.8, 10, 100).level(60) == 0.8 * (1 - 0.5**3)
