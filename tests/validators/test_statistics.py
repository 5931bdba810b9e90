from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mctl.validators.errors import ShapeError
from mctl.validators.statistics import (
    Estimate,
    mcnemar_p,
    paired_bootstrap,
    quantile_interval,
    ratio_of_medians,
    share_interval,
)

COUNTS = st.lists(st.integers(0, 40), min_size=1, max_size=8).filter(any)
SAMPLES = st.lists(st.floats(0.01, 1e4), min_size=2, max_size=12)


def share_of_first(counts):
    return counts[:, 0] / counts.sum(axis=1)


def largest_share(counts):
    """Biased upwards in a resample, so that its percentiles can lie wholly above the estimate."""
    return counts.max(axis=1) / counts.sum(axis=1)


@settings(max_examples=60, deadline=None)
@given(counts=COUNTS, seed=st.integers(0, 2**32 - 1))
def test_interval_contains_the_estimate(counts, seed):
    for statistic in (share_of_first, largest_share):
        estimate = paired_bootstrap(counts, statistic, resamples=200, seed=seed)
        assert estimate.value == statistic(np.asarray([counts]))[0]
        assert estimate.low <= estimate.value <= estimate.high


def test_half_width_is_half_of_the_interval():
    assert Estimate(1.5, 1.0, 4.0).half_width == 1.5


def test_biased_statistic_widens_the_interval_to_the_estimate():
    estimate = paired_bootstrap([3] * 8, largest_share, resamples=500)
    assert estimate.low == estimate.value == 0.125


def test_interval_of_a_share_is_the_binomial_one():
    estimate = paired_bootstrap([300, 700], share_of_first, resamples=20_000)
    assert estimate.low == pytest.approx(stats.binom.ppf(0.025, 1000, 0.3) / 1000, abs=0.002)
    assert estimate.high == pytest.approx(stats.binom.ppf(0.975, 1000, 0.3) / 1000, abs=0.002)


def test_counts_give_the_interval_that_drawing_texts_gives():
    gains = np.repeat([-1, 0, 1], [30, 150, 20])
    by_text = stats.bootstrap((gains,), np.mean, n_resamples=9000, method="percentile", rng=np.random.default_rng(1))
    by_count = paired_bootstrap([30, 150, 20], lambda counts: counts @ [-1, 0, 1] / counts.sum(axis=1), resamples=9000)
    assert by_count.low == pytest.approx(by_text.confidence_interval.low, abs=0.006)
    assert by_count.high == pytest.approx(by_text.confidence_interval.high, abs=0.006)


def test_bootstrap_is_decided_by_its_seed():
    same = [paired_bootstrap([5, 9, 17], share_of_first, resamples=100, seed=3) for _ in range(2)]
    other = paired_bootstrap([5, 9, 17], share_of_first, resamples=100, seed=4)
    assert same[0] == same[1]
    assert (other.low, other.high) != (same[0].low, same[0].high)


def test_bootstrap_draws_in_bounded_pieces_and_leaves_none_out():
    shapes = []

    def statistic(counts):
        shapes.append(counts.shape)
        return share_of_first(counts)

    paired_bootstrap(np.ones(5000, dtype=int), statistic, resamples=2000)
    drawn, estimate = shapes[:-1], shapes[-1]
    assert estimate == (1, 5000)
    assert sum(rows for rows, _ in drawn) == 2000
    assert max(rows * cells for rows, cells in drawn) <= 4_000_000


@pytest.mark.parametrize("counts", [[], [0, 0], [3, -1], [[1, 2]]])
def test_bootstrap_refuses_what_is_not_counts(counts):
    with pytest.raises(ShapeError):
        paired_bootstrap(counts, share_of_first)


@given(first=st.integers(0, 400), second=st.integers(0, 400))
def test_mcnemar_is_symmetric_and_a_probability(first, second):
    p = mcnemar_p(first, second)
    assert p == mcnemar_p(second, first)
    assert 0.0 < p <= 1.0


def test_mcnemar_is_the_two_sided_coin_tail():
    assert mcnemar_p(0, 0) == 1.0
    assert mcnemar_p(0, 5) == pytest.approx(2 * 0.5**5)
    assert mcnemar_p(1, 9) == pytest.approx(2 * (1 + 10) * 0.5**10)
    with pytest.raises(ShapeError):
        mcnemar_p(-1, 2)


@settings(max_examples=40, deadline=None)
@given(above=SAMPLES, data=st.data(), scale=st.floats(0.01, 100))
def test_ratio_of_medians_invariances(above, data, scale):
    below = data.draw(st.lists(st.floats(0.01, 1e4), min_size=len(above), max_size=len(above)))
    ratio = ratio_of_medians(above, below, resamples=99)
    assert ratio.low <= ratio.value <= ratio.high
    assert ratio.value == pytest.approx(np.median(above) / np.median(below))
    swapped = ratio_of_medians(below, above, resamples=99)
    assert (swapped.value, swapped.low, swapped.high) == pytest.approx((1 / ratio.value, 1 / ratio.high, 1 / ratio.low))
    scaled = ratio_of_medians(np.multiply(scale, above), np.multiply(scale, below), resamples=99)
    assert (scaled.value, scaled.low, scaled.high) == pytest.approx((ratio.value, ratio.low, ratio.high))


def test_ratio_keeps_pairs_together():
    below = np.linspace(1.0, 50.0, 41)
    ratio = ratio_of_medians(2 * below, below)
    assert (ratio.low, ratio.high) == pytest.approx((2.0, 2.0))


def test_ratio_interval_narrows_with_samples():
    rng = np.random.default_rng(0)
    widths = []
    for samples in (20, 2000):
        above, below = 3 + rng.gamma(2, 0.2, samples), 1 + rng.gamma(2, 0.1, samples)
        widths.append(ratio_of_medians(above, below).half_width)
    assert widths[1] < widths[0] / 4


@pytest.mark.parametrize(
    ("above", "below"), [([1.0], [1.0]), ([1.0, 2.0], [1.0]), ([1.0, 0.0], [1.0, 1.0]), ([1.0, np.nan], [1.0, 1.0])]
)
def test_ratio_refuses_unpaired_or_senseless_samples(above, below):
    with pytest.raises(ShapeError):
        ratio_of_medians(above, below)


def test_an_interval_of_a_quantile_holds_as_often_as_it_says():
    rng, true = np.random.default_rng(0), np.log(20.0)  # the 95th percentile of an exponential distribution
    for samples in (60, 200):
        found = [quantile_interval(rng.exponential(size=samples), 0.95) for _ in range(600)]
        assert np.mean([one.low <= true for one in found]) >= 0.93
        assert np.mean([true <= one.high for one in found]) >= 0.93
        assert np.mean([one.low <= true <= one.high for one in found]) >= 0.88
        assert all(one.low <= one.value <= one.high for one in found)


def test_few_samples_leave_a_quantile_open_above():
    found = quantile_interval([1.0, 2.0, 3.0], 0.95)
    assert found.high == np.inf
    assert found.low <= found.value <= 3.0
    with pytest.raises(ShapeError):
        quantile_interval([], 0.95)


@pytest.mark.parametrize(("share", "texts"), [(0.0, 5), (0.9, 480), (1.0, 100), (0.5, 1)])
def test_the_interval_of_a_share_is_wilsons(share, texts):
    found = share_interval(share, texts)
    wilson = stats.binomtest(round(share * texts), texts).proportion_ci(0.95, method="wilson")
    if float(share * texts).is_integer():
        assert (found.low, found.high) == pytest.approx((wilson.low, wilson.high), abs=1e-9)
    assert 0 <= found.low <= found.value <= found.high <= 1
