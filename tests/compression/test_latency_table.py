"""The latency table: what was measured, what lies between, and no fall where units are added."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mctl.compression.latency import LatencyTable, LayerTimes, table_of

# A busy machine is no failure.
untimed = settings(deadline=None)
FULL_HEADS, FULL_ROWS = 12, 1536


def times(attention: float, head: float, row: float, rest: float, noise: float = 0.0, seed: int = 0) -> LayerTimes:
    """Of a machine where every head and every row takes equally long."""
    random = np.random.default_rng(seed)

    def took(layers: int, heads: int, rows: int) -> float:
        return (rest + layers * (attention + head * heads + row * rows)) * float(1 + noise * random.uniform(-1, 1))

    return LayerTimes(
        heads=FULL_HEADS,
        rows=FULL_ROWS,
        one_us=took(1, FULL_HEADS, FULL_ROWS),
        two_us=took(2, FULL_HEADS, FULL_ROWS),
        by_heads={heads: took(1, heads, FULL_ROWS) for heads in (1, 3, 6)},
        by_rows={rows: took(1, FULL_HEADS, rows) for rows in (32, 384, 768)},
    )


positive = st.floats(0.1, 1000)


@untimed
@given(attention=positive, head=positive, row=st.floats(0.01, 10), rest=positive, data=st.data())
def test_without_noise_every_layout_is_predicted(
    attention: float, head: float, row: float, rest: float, data: st.DataObject
) -> None:
    table = table_of(times(attention, head, row, rest))
    layers = data.draw(st.integers(1, 6))
    heads = data.draw(st.lists(st.integers(1, FULL_HEADS), min_size=layers, max_size=layers))
    rows = data.draw(st.lists(st.integers(32, FULL_ROWS), min_size=layers, max_size=layers))
    expected = rest + layers * attention + head * sum(heads) + row * sum(rows)
    assert table.model_us(heads, rows) == pytest.approx(expected, rel=1e-6)


@untimed
@given(seed=st.integers(0, 1000), noise=st.floats(0, 0.3))
def test_more_units_never_take_less_time_however_noisy_it_was(seed: int, noise: float) -> None:
    try:
        table = table_of(times(200.0, 20.0, 0.5, 300.0, noise, seed))
    except ValueError:
        return  # Two layers looked faster than one.
    assert (np.diff(table.attention_us(np.arange(1, FULL_HEADS + 1))) >= 0).all()
    assert (np.diff(table.ffn_us(np.arange(1, FULL_ROWS + 1))) >= 0).all()
    assert min(*table.heads_us, *table.rows_us, table.rest_us) >= 0


def test_noise_that_makes_two_layers_faster_than_one_is_refused() -> None:
    with pytest.raises(ValueError, match="two layers took"):
        table_of(LayerTimes(4, 64, one_us=10.0, two_us=9.0, by_heads={1: 8.0}, by_rows={16: 7.0}))


def test_a_fall_is_spread_over_the_points_beside_it() -> None:
    table = table_of(LayerTimes(4, 64, 100.0, 180.0, by_heads={1: 60.0, 2: 90.0, 3: 80.0}, by_rows={32: 70.0}))
    # 90 and 80 become 85 each; a layer takes 80, and 30 of it are the FFN's.
    assert table.heads_us == (10.0, 35.0, 35.0, 50.0)
    assert table.rows_us == (0.0, 30.0)
    assert table.rest_us == 20.0


def test_json_gives_back_the_same_table() -> None:
    table = table_of(times(100.0, 10.0, 0.1, 50.0))
    assert LatencyTable.from_dict(json.loads(json.dumps(table.as_dict()))) == table
