from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from mctl.validators.errors import ShapeError
from mctl.validators.paired_shares import largest_unseen_mean, score_interval, score_statistic, texts_to_tell

Z = 1.959963984540054


@st.composite
def flips(draw):
    texts = draw(st.integers(1, 3000))
    to_wrong = draw(st.integers(0, texts))
    return to_wrong, draw(st.integers(0, texts - to_wrong)), texts


def statistic_by_likelihood(to_wrong, to_right, texts, loss):
    """The definition: the deviation under the most likely shares of all whose difference is the loss, by search."""

    def unlikely(turned_right):
        shares = np.array([turned_right + loss, turned_right, 1 - 2 * turned_right - loss])
        counts = np.array([to_wrong, to_right, texts - to_wrong - to_right])
        return -np.sum(counts * np.log(np.maximum(shares, 1e-300)))

    least, most = max(0.0, -loss), (1 - loss) / 2
    share = optimize.minimize_scalar(unlikely, bounds=(least, most), method="bounded", options={"xatol": 1e-12}).x
    return (texts * loss - to_wrong + to_right) / np.sqrt(texts * (2 * share + loss - loss**2))


@settings(max_examples=60)
@given(flips(), st.floats(-0.5, 0.5).filter(lambda loss: abs(loss) > 1e-3))
def test_the_statistic_is_that_of_the_most_likely_shares(found, loss):
    assert score_statistic(*found, loss) == pytest.approx(statistic_by_likelihood(*found, loss), rel=1e-3, abs=1e-3)


@given(flips())
def test_the_interval_holds_what_is_not_rejected_and_turns_with_the_models(found):
    to_wrong, to_right, texts = found
    estimate = score_interval(*found)
    assert -100 <= estimate.low <= estimate.value <= estimate.high <= 100
    back = score_interval(to_right, to_wrong, texts)
    assert (back.value, back.low, back.high) == pytest.approx((-estimate.value, -estimate.high, -estimate.low))
    for loss, limit in ((-estimate.low / 100, Z), (-estimate.high / 100, -Z)):
        if abs(loss) < 0.999:
            assert score_statistic(*found, loss) == pytest.approx(limit, abs=1e-4)


def test_flips_to_one_side_have_the_limit_of_a_share():
    """Of 1 text in 44 the limit is that of Wilson's interval of 1 in 44."""
    wilson = stats.binomtest(1, 44).proportion_ci(method="wilson")
    assert score_interval(1, 0, 44).low == pytest.approx(-100 * wilson.high)
    assert score_interval(0, 0, 500).low == pytest.approx(
        -100 * stats.binomtest(0, 500).proportion_ci(method="wilson").high
    )


@pytest.mark.parametrize("texts", [200, 400, 500, 700, 2500])
@pytest.mark.parametrize("turned_right", [0.0, 0.0025, 0.01, 0.05])
def test_a_loss_as_large_as_the_margin_is_hardly_ever_ruled_out(texts, turned_right):
    """Exactly, over all that can be found: 2.5 % is what is asked, and the interval is an approximation."""
    margin = 0.01
    most = [int(texts * share + 10 * np.sqrt(texts * share) + 15) for share in (margin + turned_right, turned_right)]
    to_wrong, to_right = np.meshgrid(np.arange(most[0]), np.arange(most[1]), indexing="ij")
    odds = stats.multinomial.pmf(
        np.stack([to_wrong, to_right, texts - to_wrong - to_right], axis=-1),
        texts,
        [margin + turned_right, turned_right, 1 - margin - 2 * turned_right],
    )
    assert odds.sum() == pytest.approx(1, abs=1e-6)
    ruled_out = odds[score_statistic(to_wrong, to_right, texts, margin) >= Z].sum()
    assert ruled_out < 0.027


def test_the_number_of_texts_that_could_tell_is_that_number():
    needed = int(np.ceil(texts_to_tell(0, 0, 100, 0.01)))
    assert score_interval(0, 0, needed).low >= -1.0 > score_interval(0, 0, needed - 1).low
    times = texts_to_tell(6, 2, 1000, 0.01) / 1000
    scaled = [round(number * times * 100) for number in (6, 2, 1000)]
    assert score_statistic(*scaled, 0.01) == pytest.approx(10 * Z, rel=0.01)
    assert texts_to_tell(10, 0, 1000, 0.01) == np.inf


def test_what_one_part_leaves_unseen_follows_the_rule_of_three():
    assert largest_unseen_mean([1], 0.95) == pytest.approx(0.95)
    assert largest_unseen_mean([480], 0.95) == pytest.approx(3 / 480, rel=0.01)
    assert largest_unseen_mean([480]) == pytest.approx(1 - 0.025 ** (1 / 480))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=5))
def test_what_parts_leave_unseen_is_the_largest_mean_that_is_possible(texts):
    """Among many shares under which nothing at all is seen with 2.5 %, none has a larger mean, and one comes close."""
    parts = np.array(texts)
    rng = np.random.default_rng(0)
    weights = rng.dirichlet(np.full(len(parts), 0.5), 20_000) if len(parts) > 1 else np.ones((1, 1))
    means = (1 - np.exp(np.log(0.025) * weights / parts)).mean(axis=1)
    assert means.max() <= largest_unseen_mean(parts) + 1e-12
    assert means.max() >= 0.9 * largest_unseen_mean(parts)


def test_equal_parts_leave_no_more_unseen_than_their_texts_together():
    assert largest_unseen_mean([20] * 100) == pytest.approx(largest_unseen_mean([2000]), rel=0.01)


def test_impossible_counts_are_refused():
    for counts in ((-1, 0, 5), (0, -1, 5), (3, 3, 5), (0, 0, 0)):
        with pytest.raises(ShapeError):
            score_interval(*counts)
    for parts in ([], [3, 0], 4):
        with pytest.raises(ShapeError):
            largest_unseen_mean(parts)
