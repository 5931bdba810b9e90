from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from mctl.validators.errors import ShapeError
from mctl.validators.exchange import f1_p
from mctl.validators.statistics import mcnemar_p


def f1_of(truth, said):
    """scikit-learn's takes a millisecond, and there are thousands."""
    both = int(truth.sum() + said.sum())
    return 2 * int((truth & said).sum()) / both if both else 0.0


def by_every_exchange(truth, first, second):
    """The definition: every text's two answers are exchanged or not."""
    assert f1_of(truth, first) == pytest.approx(f1_score(truth, first, zero_division=0))

    def apart(one, other):
        return abs(f1_of(truth, one) - f1_of(truth, other))

    found = apart(first, second)
    far = [
        apart(np.where(swap, second, first), np.where(swap, first, second)) >= found - 1e-9
        for swap in map(np.array, product([False, True], repeat=len(truth)))
    ]
    return sum(far) / len(far)


@given(st.lists(st.tuples(*[st.booleans()] * 3), min_size=1, max_size=7))
def test_p_is_the_share_of_all_exchanges_that_lie_as_far_apart(rows):
    truth, first, second = map(np.array, zip(*rows, strict=True))
    assert f1_p(truth, first, second) == pytest.approx(by_every_exchange(truth, first, second))


@given(st.lists(st.tuples(*[st.booleans()] * 3), min_size=1, max_size=60))
def test_the_order_of_the_two_does_not_matter(rows):
    truth, first, second = map(np.array, zip(*rows, strict=True))
    assert f1_p(truth, first, second) == pytest.approx(f1_p(truth, second, first))


def test_losses_of_one_kind_alone_are_mcnemars():
    truth = np.arange(200) < 100
    second = truth.copy()
    second[:9] = False
    assert f1_p(truth, truth, second) == pytest.approx(mcnemar_p(9, 0))


def test_a_large_test_set_is_no_large_table():
    truth = np.arange(400_000) % 2 == 0
    rng = np.random.default_rng(0)
    first, second = truth ^ (rng.random(len(truth)) < 0.2), truth ^ (rng.random(len(truth)) < 0.2)
    assert 0.001 < f1_p(truth, first, second) <= 1.0


def test_other_shapes_are_refused():
    with pytest.raises(ShapeError):
        f1_p(np.array([True]), np.array([True, False]), np.array([True]))
