"""The global threshold: exact levels, order by score, and no layer without its last unit."""

from __future__ import annotations

from dataclasses import replace

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from mctl.compression.budget import Budget
from mctl.compression.counted import RoundedBudget
from mctl.compression.masks import ScoreGroup, by_group, masked_share
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
    share = masked_share(groups, budget.kept(groups, level))
    spare_rows = sum(g.scores.numel() - 1 for g in groups if g.kind == "row")
    if level <= budget.largest_level(groups) and spare_rows * budget.row_weights >= budget.head_weights:
        # In single precision, half a row is not quite half a row.
        assert abs(share - level) <= 0.501 * budget.row_weights / budget.total


@given(groups=models, level=st.floats(0.0, 1.0))
def test_every_place_keeps_its_best_unit(groups: list[ScoreGroup], level: float) -> None:
    for group, kept in zip(groups, by_group(groups, Budget.of(groups).kept(groups, level)), strict=True):
        assert kept[group.scores.argmax()] == 1


@given(groups=models, level=st.floats(0.0, 1.0), least=st.integers(1, 40))
def test_every_ffn_keeps_its_best_rows(groups: list[ScoreGroup], level: float, least: int) -> None:
    budget = Budget.of(groups, least)
    for group, kept in zip(groups, by_group(groups, budget.kept(groups, level)), strict=True):
        fewest = min(least, group.scores.numel()) if group.kind == "row" else 1
        assert kept[group.scores.flatten().topk(fewest).indices].all()


def cut(groups: list[ScoreGroup], kept: torch.Tensor, kind: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores of the units of a kind that go and of those that stay; the best of a place is exempt, and in neither."""
    gone, stay = [], []
    for group, mask in zip(groups, by_group(groups, kept), strict=True):
        if group.kind == kind:
            scores = group.scores.detach().flatten()
            gone.append(scores[mask == 0])
            stay.append(scores[(mask == 1) & (scores < scores.max())])
    return torch.cat(gone), torch.cat(stay)


@given(groups=models, level=st.floats(0.05, 0.9))
def test_units_go_in_the_order_of_their_scores_over_all_layers(groups: list[ScoreGroup], level: float) -> None:
    kept = Budget.of(groups).kept(groups, level)
    for kind in ("head", "row"):
        gone, stay = cut(groups, kept, kind)
        if gone.numel() and stay.numel():
            assert gone.max() <= stay.min()


def by_one_threshold(groups: list[ScoreGroup], level: float) -> tuple[int, int]:
    """How many heads and rows go: all below one threshold, unit by unit, then as many rows as come closest."""
    units = sorted(
        (float(score), group.kind, group.weights_per_unit)
        for group in groups
        for score in group.scores.detach().flatten().sort().values[:-1]
    )
    head, row = (max(g.weights_per_unit for g in groups if g.kind == kind) for kind in ("head", "row"))
    target = level * sum(group.scores.numel() * group.weights_per_unit for group in groups)
    heads, spent, rows = 0, 0, sum(kind == "row" for _, kind, _ in units)
    for _, kind, weights in units:
        spent += weights
        if spent > target:
            break
        heads += kind == "head"
    while heads * head + rows * row < target and heads < len(units) - rows:
        heads += 1
    return heads, min(max(round((target - heads * head) / row), 0), rows)


@given(groups=models, level=st.floats(0.0, 1.0))
def test_one_threshold_decides_how_many_heads_go(groups: list[ScoreGroup], level: float) -> None:
    kept = by_group(groups, Budget.of(groups).kept(groups, level))
    gone = {
        kind: sum(int((mask == 0).sum()) for group, mask in zip(groups, kept, strict=True) if group.kind == kind)
        for kind in ("head", "row")
    }
    heads, rows = by_one_threshold(groups, level)
    assert gone["head"] == heads
    # Half a row may be rounded either way.
    assert abs(gone["row"] - rows) <= 1


@given(groups=models, level=st.floats(0.0, 0.9), more=st.floats(0.0, 0.07))
def test_a_higher_level_never_brings_back_a_head(groups: list[ScoreGroup], level: float, more: float) -> None:
    budget = Budget.of(groups)
    low, high = (by_group(groups, budget.kept(groups, one)) for one in (level, level + more))
    for group, before, after in zip(groups, low, high, strict=True):
        if group.kind == "head":
            assert (after <= before).all()


@given(groups=models, level=st.floats(0.0, 0.9), seed=st.integers(0, 2**20))
def test_the_order_of_the_groups_decides_nothing(groups: list[ScoreGroup], level: float, seed: int) -> None:
    order = torch.randperm(len(groups), generator=torch.Generator().manual_seed(seed)).tolist()
    shuffled = [groups[index] for index in order]
    kept = by_group(groups, Budget.of(groups).kept(groups, level))
    for index, mask in zip(order, by_group(shuffled, Budget.of(shuffled).kept(shuffled, level)), strict=True):
        assert torch.equal(mask, kept[index])


@given(groups=models, level=st.floats(0.0, 0.9))
def test_of_equal_scores_just_as_many_go(groups: list[ScoreGroup], level: float) -> None:
    budget = Budget.of(groups)
    some = masked_share(groups, budget.kept(groups, level))
    for group in groups:
        group.scores.data.mul_(4).round_()
    tied = masked_share(groups, budget.kept(groups, level))
    spare_rows = sum(g.scores.numel() - 1 for g in groups if g.kind == "row")
    if level <= budget.largest_level(groups) and spare_rows * budget.row_weights >= budget.head_weights:
        assert abs(some - tied) <= budget.row_weights / budget.total + 1e-9


def test_of_equal_scores_the_first_goes_first() -> None:
    groups = groups_of(1, 2, 8, 512, 32, seed=0)
    groups[0].scores.data.fill_(5.0)
    groups[1].scores.data = torch.tensor([1.0, 0, 0, 0, 0, 0, 0, 0])
    kept = Budget.of(groups).kept(groups, 4 * 32 / (2 * 512 + 8 * 32))
    assert by_group(groups, kept)[1].tolist() == [1, 0, 0, 0, 0, 1, 1, 1]


def test_a_budget_follows_its_model_to_a_device() -> None:
    """ "meta" stands for a device that is not the CPU: it refuses to be mixed with it."""
    groups = groups_of(2, 4, 64, 512, 32, seed=0)
    for budget in (Budget.of(groups), RoundedBudget.of(groups, 8, 0.5)):
        away = [replace(group, scores=nn.Parameter(group.scores.to("meta"))) for group in groups]
        assert budget.kept(away, 0.5).device.type == "meta"
        assert budget.kept(groups, 0.5).device.type == "cpu"


def test_level_zero_masks_nothing_and_the_largest_level_leaves_one_unit_a_place() -> None:
    groups = groups_of(3, 4, 20, 512, 32, seed=0)
    budget = Budget.of(groups)
    assert masked_share(groups, budget.kept(groups, 0.0)) == 0
    largest = budget.largest_level(groups)
    kept = budget.kept(groups, largest)
    assert [int(mask.sum()) for mask in by_group(groups, kept)] == [1] * len(groups)
    assert masked_share(groups, kept) == largest


def test_a_model_with_nothing_to_spare_keeps_it_all() -> None:
    groups = groups_of(2, 1, 1, 512, 32, seed=0)
    assert Budget.of(groups).kept(groups, 0.9).all()


def test_blocks_share_one_threshold_and_may_all_go() -> None:
    generator = torch.Generator().manual_seed(0)
    groups = [
        ScoreGroup(f"query.{i}", "block", nn.Parameter(torch.randn(4, 4, generator=generator)), 64) for i in range(3)
    ]
    budget = Budget.of(groups)
    kept = budget.kept(groups, 0.5)
    scores = torch.cat([group.scores.detach().flatten() for group in groups])
    assert scores[kept == 0].max() < scores[kept == 1].min()
    assert masked_share(groups, kept) == 0.5
    assert not budget.kept(groups, 1.0).any()


@given(final=st.floats(0.01, 1.0), warmup=st.integers(0, 50), ramp=st.integers(1, 500), step=st.integers(0, 600))
def test_schedule_rises_from_nothing_to_its_final_level(final: float, warmup: int, ramp: int, step: int) -> None:
    schedule = CubicSchedule(final, warmup, ramp)
    assert schedule.level(warmup) == 0
    assert schedule.level(warmup + ramp) == final
    assert 0 <= schedule.level(step) <= schedule.level(step + 1) <= final


def test_schedule_is_cubic() -> None:
    assert CubicSchedule(0.8, 10, 100).level(60) == 0.8 * (1 - 0.5**3)
