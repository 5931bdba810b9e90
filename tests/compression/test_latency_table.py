"""The latency table: what was measured, what lies between, and no fall where units are added."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mctl.compression.latency import LatencyTable, Point, fit_table

# A busy machine is no failure.
untimed = settings(deadline=None)
HEADS, ROWS = (1, 6, 12), (32, 768, 1536)
DEPTH = 3
MEASURED = [(12, 1536), (6, 1536), (1, 1536), (12, 768), (12, 32), (6, 768), (1, 32)]


def points(head: float, row: float, rest: float, noise: float = 0.0, seed: int = 0) -> list[Point]:
    """Of a machine where every head and every row takes equally long."""
    random = np.random.default_rng(seed)
    return [
        Point(
            (heads,) * DEPTH,
            (rows,) * DEPTH,
            (rest + DEPTH * (head * heads + row * rows)) * float(1 + noise * random.uniform(-1, 1)),
        )
        for heads, rows in MEASURED
    ]


layers_of_heads = st.lists(st.integers(1, 12), min_size=DEPTH, max_size=DEPTH)
layers_of_rows = st.lists(st.integers(32, 1536), min_size=DEPTH, max_size=DEPTH)


@untimed
@given(
    head=st.floats(0.1, 1000),
    row=st.floats(0.01, 10),
    rest=st.floats(0.1, 1000),
    heads=layers_of_heads,
    rows=layers_of_rows,
)
def test_without_noise_every_layout_is_predicted(
    head: float, row: float, rest: float, heads: list[int], rows: list[int]
) -> None:
    measured = points(head, row, rest)
    table = fit_table(measured, HEADS, ROWS)
    assert table.model_us(heads, rows) == pytest.approx(rest + head * sum(heads) + row * sum(rows), rel=1e-5)
    assert np.abs(table.errors(measured)).max() < 1e-5


@untimed
@given(seed=st.integers(0, 1000), noise=st.floats(0, 0.9))
def test_more_units_never_take_less_time_however_noisy_it_was(seed: int, noise: float) -> None:
    table = fit_table(points(20.0, 0.5, 300.0, noise, seed), HEADS, ROWS)
    assert (np.diff(table.attention_us(np.arange(1, 13))) >= 0).all()
    assert (np.diff(table.ffn_us(np.arange(32, 1537))) >= 0).all()
    assert min(*table.heads_us, *table.rows_us, table.rest_us) >= 0


@untimed
@given(seed=st.integers(0, 1000), noise=st.floats(0, 0.1), heads=layers_of_heads, rows=layers_of_rows)
def test_noise_is_not_amplified(seed: int, noise: float, heads: list[int], rows: list[int]) -> None:
    """Noise is a share of each measurement, so the largest, of the whole model, is the measure of what it may do."""
    table, whole = fit_table(points(20.0, 0.5, 300.0, noise, seed), HEADS, ROWS), 300 + DEPTH * (20 * 12 + 0.5 * 1536)
    expected = 300 + 20 * sum(heads) + 0.5 * sum(rows)
    assert table.model_us(heads, rows) == pytest.approx(expected, rel=1e-5, abs=2 * noise * whole)


def test_layers_of_different_width_are_told_apart() -> None:
    measured = [Point((1, 4), (8, 8), 130.0), Point((4, 4), (8, 8), 160.0), Point((4, 4), (8, 16), 200.0)]
    table = fit_table(measured, (1, 4), (8, 16))
    assert table.heads_us == pytest.approx((0.0, 30.0))
    assert table.rows_us == pytest.approx((0.0, 40.0))
    assert table.rest_us == pytest.approx(100.0)
    assert table.model_us((1, 2), (12, 8)) == pytest.approx(100.0 + 10.0 + 20.0)


def test_beyond_its_ends_the_table_stays_as_it_is() -> None:
    table = LatencyTable((1, 4), (0.0, 30.0), (32, 64), (0.0, 10.0), 5.0)
    assert table.model_us([9], [8]) == 35.0


def test_json_gives_back_the_same_table() -> None:
    table = fit_table(points(100.0, 10.0, 50.0), HEADS, ROWS)
    assert LatencyTable.from_dict(json.loads(json.dumps(table.as_dict()))) == table
