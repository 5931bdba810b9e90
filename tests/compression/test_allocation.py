"""Units for microseconds, and FFN rows in tiles: bounds, order, and the best that there is."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mctl.compression.allocation import (
    LEVEL_TOLERANCE,
    Part,
    allocate,
    choices,
    fitting_tile,
    importance,
)

# A busy machine is no failure.
untimed = settings(deadline=None)


def parts_of(layers: int, heads: int, rows: int, tile: int, seed: int) -> list[Part]:
    """Random values, and costs that rise unevenly, with stretches that cost nothing."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(layers):
        for kind, units, size, scale in (("head", heads, 1, 50.0), ("row", rows, tile, 20.0)):
            counts = choices(units, size)
            costs = random.exponential(scale, len(counts)) * (random.random(len(counts)) > 0.2)
            made.append(Part(kind, random.random(units), counts, costs.cumsum()))
    return made


parts_lists = st.builds(
    parts_of,
    layers=st.integers(1, 4),
    heads=st.integers(1, 8),
    rows=st.integers(1, 90),
    tile=st.sampled_from([1, 8, 32]),
    seed=st.integers(0, 2**20),
)


def cost_us(parts: list[Part], kept: tuple[int, ...]) -> float:
    return sum(float(p.costs_us[p.counts.tolist().index(count)]) for p, count in zip(parts, kept, strict=True))


def worth(parts: list[Part], kept: tuple[int, ...]) -> float:
    return sum(float(np.sort(p.values)[::-1][:count].sum()) for p, count in zip(parts, kept, strict=True))


def bounds_us(parts: list[Part]) -> tuple[float, float]:
    """Of the fewest units and of all."""
    return sum(float(p.costs_us[0]) for p in parts), sum(float(p.costs_us[-1]) for p in parts)


def longest_step_us(parts: list[Part]) -> float:
    return max((float(np.diff(p.costs_us).max()) for p in parts if len(p.counts) > 1), default=0.0)


@untimed
@given(parts=parts_lists, share=st.floats(0, 1.2))
def test_what_is_kept_fits_and_wastes_less_than_a_step(parts: list[Part], share: float) -> None:
    fewest, all_units = bounds_us(parts)
    limit = fewest + share * (all_units - fewest)
    kept = allocate(parts, limit)
    assert all(count in p.counts for p, count in zip(parts, kept, strict=True))
    spent = cost_us(parts, kept)
    assert spent <= limit + 1e-6
    if any(count < p.counts[-1] for p, count in zip(parts, kept, strict=True)):
        assert spent >= limit - longest_step_us(parts) - 1e-6


@untimed
@given(parts=parts_lists, share=st.floats(0, 1), more=st.floats(0, 0.5))
def test_more_time_is_never_spent_on_less(parts: list[Part], share: float, more: float) -> None:
    fewest, all_units = bounds_us(parts)
    less, greater = (allocate(parts, fewest + part * (all_units - fewest)) for part in (share, share + more))
    assert cost_us(parts, greater) >= cost_us(parts, less) - longest_step_us(parts) - 1e-6


@untimed
@given(parts=parts_lists)
def test_time_for_all_keeps_all_and_time_for_the_fewest_keeps_what_costs_nothing_more(parts: list[Part]) -> None:
    fewest, all_units = bounds_us(parts)
    assert allocate(parts, all_units) == tuple(int(p.counts[-1]) for p in parts)
    assert cost_us(parts, allocate(parts, fewest)) == pytest.approx(fewest)


@untimed
@given(
    parts=st.builds(
        parts_of,
        layers=st.integers(1, 2),
        heads=st.integers(1, 4),
        rows=st.integers(1, 40),
        tile=st.sampled_from([8, 16]),
        seed=st.integers(0, 2**20),
    ),
    share=st.floats(0, 1),
)
def test_the_best_of_all_layouts_is_worth_no_more_than_a_step_above(parts: list[Part], share: float) -> None:
    fewest, all_units = bounds_us(parts)
    limit = fewest + share * (all_units - fewest)
    every = product(*(p.counts.tolist() for p in parts))
    best = max(worth(parts, kept) for kept in every if cost_us(parts, kept) <= limit + 1e-6)
    # A step that counts as one with its neighbours may be left half-bought: what is lost is less than a whole part.
    steps = max(float(np.sort(p.values)[::-1][p.counts[0] :].sum()) for p in parts)
    assert worth(parts, allocate(parts, limit)) >= best - steps - 1e-9


def test_a_dear_unit_goes_before_a_cheap_one_of_the_same_value() -> None:
    counts = choices(4, 1)
    cheap = Part("row", np.ones(4), counts, np.array([1.0, 2.0, 3.0, 4.0]))
    dear = Part("row", np.ones(4), counts, np.array([2.0, 4.0, 6.0, 8.0]))
    assert allocate([cheap, dear], 6.0) == (4, 1)


def test_a_poor_step_before_a_rich_one_counts_with_it() -> None:
    # The second unit takes 10 us and the third none: both together are worth more per microsecond than the other's.
    stepped = Part("row", np.array([1.0, 1.0, 1.0]), choices(3, 1), np.array([0.0, 10.0, 10.0]))
    even = Part("row", np.array([1.0, 0.15]), choices(2, 1), np.array([0.0, 1.0]))
    assert allocate([stepped, even], 10.5) == (3, 1)


def test_rows_fill_the_time_that_no_head_fits_into() -> None:
    heads = Part("head", np.full(3, 100.0), choices(3, 1), np.array([10.0, 20.0, 30.0]))
    rows = Part("row", np.ones(10), choices(10, 1), np.arange(1.0, 11.0))
    assert allocate([heads, rows], 25.0) == (2, 5)


def test_less_time_than_the_fewest_take_is_refused() -> None:
    with pytest.raises(ValueError, match="fewest units take 3"):
        allocate([Part("row", np.ones(2), choices(2, 1), np.array([3.0, 4.0]))], 2.0)


@untimed
@given(seed=st.integers(0, 2**20), widths=st.lists(st.integers(1, 50), min_size=1, max_size=5))
def test_importance_follows_the_order_of_scores_and_not_their_scale(seed: int, widths: list[int]) -> None:
    random = np.random.default_rng(seed)
    scores = [random.normal(size=width) for width in widths]
    values = np.concatenate(importance(scores, [3] * len(widths)))
    assert ((values > 0) & (values <= 3)).all()
    assert (np.argsort(values) == np.argsort(np.concatenate(scores))).all()
    assert (np.concatenate(importance([np.exp(part) for part in scores], [3] * len(widths))) == values).all()


def test_importance_counts_the_weights_of_a_unit() -> None:
    values = importance([np.array([0.5]), np.array([-1.0, 2.0])], [100, 3])
    assert np.concatenate(values) == pytest.approx([100 * 2 / 3, 1.0, 3.0])


@untimed
@given(tile=st.integers(1, 128), row_weights=st.integers(1, 5000), total=st.integers(1, 10**8))
def test_a_fitting_tile_divides_the_one_asked_for_and_misses_by_little(tile: int, row_weights: int, total: int) -> None:
    fitting = fitting_tile(tile, row_weights, total)
    assert tile % fitting == 0
    assert fitting == 1 or fitting * row_weights / 2 <= LEVEL_TOLERANCE * total
    larger = [size for size in range(fitting + 1, tile + 1) if tile % size == 0]
    assert all(size * row_weights / 2 > LEVEL_TOLERANCE * total for size in larger)
