from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import entropy

from mctl.validators.errors import ShapeError
from mctl.validators.parity import compare_logits

SHAPES = st.tuples(st.integers(1, 12), st.integers(2, 6))


def logits_of(shape):
    return hnp.arrays(np.float32, shape, elements=st.floats(-50, 50, width=32))


@given(SHAPES.flatmap(logits_of))
def test_identical_logits_are_in_perfect_parity(logits):
    result = compare_logits(logits, logits.copy())
    assert (result.max_abs_logit_diff, result.mean_abs_logit_diff, result.mean_kl_nats) == (0.0, 0.0, 0.0)
    assert result.label_agreement == 1.0
    assert result.non_finite_texts == 0
    assert result.texts == len(logits)


@given(SHAPES.flatmap(lambda shape: st.tuples(logits_of(shape), logits_of(shape))))
def test_parity_bounds_and_symmetry(pair):
    source, export = pair
    there, back = compare_logits(source, export), compare_logits(export, source)
    assert there.max_abs_logit_diff == back.max_abs_logit_diff
    assert there.label_agreement == back.label_agreement
    assert there.worst_texts == back.worst_texts
    assert 0.0 <= there.mean_abs_logit_diff <= there.max_abs_logit_diff
    assert 0.0 <= there.label_agreement <= 1.0
    assert there.mean_kl_nats >= 0.0


def test_figures_of_a_small_case():
    source = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0], [0.0, 1.0]])
    export = np.array([[1.0, 0.5], [0.0, 2.0], [0.0, 3.0], [0.0, 1.25]])
    result = compare_logits(source, export)
    assert result.max_abs_logit_diff == 3.0
    assert result.mean_abs_logit_diff == pytest.approx((0.5 + 6.0 + 0.25) / 8)
    assert result.label_agreement == 0.75
    assert result.worst_texts == (2, 0, 3, 1)


def test_kl_is_that_of_the_softmax_distributions_in_nats():
    source, export = np.log([[0.7, 0.2, 0.1]]), np.log([[0.2, 0.2, 0.6]])
    expected = entropy([0.7, 0.2, 0.1], [0.2, 0.2, 0.6])
    # A constant added to the logits of a text changes no probability.
    assert compare_logits(source + 5.0, export - 3.0).mean_kl_nats == pytest.approx(expected)


def test_rounding_does_not_make_a_divergence_negative():
    source = np.array([[1.3, 0.95, -0.7]])
    assert compare_logits(source, source + np.array([1e-9, 0.0, 0.0])).mean_kl_nats >= 0.0


def test_ten_worst_texts_the_worst_first():
    source, export = np.zeros((25, 2)), np.zeros((25, 2))
    export[:, 1] = np.arange(25) / 100
    assert compare_logits(source, export).worst_texts == tuple(range(24, 14, -1))


@pytest.mark.parametrize("spoilt", [np.nan, np.inf, -np.inf])
def test_logits_that_are_not_finite_never_agree_and_come_first(spoilt):
    source = np.tile([2.0, 1.0], (4, 1))
    export = source.copy()
    export[3, 1] = spoilt
    export[1, 1] = -90.0
    result = compare_logits(source, export)
    assert result.non_finite_texts == 1
    assert result.label_agreement == 0.75
    assert result.worst_texts[:2] == (3, 1)
    assert not np.isfinite(result.max_abs_logit_diff)


def test_same_non_finite_logit_on_both_sides_is_not_parity():
    broken = np.array([[np.inf, 0.0], [1.0, 0.0]])
    result = compare_logits(broken, broken)
    assert np.isnan(result.max_abs_logit_diff)
    assert result.label_agreement == 0.5


@pytest.mark.parametrize(
    ("source", "export"), [((3, 2), (3, 3)), ((3, 2), (2, 2)), ((0, 2), (0, 2)), ((3, 1), (3, 1)), ((3,), (3,))]
)
def test_shapes_that_do_not_fit_are_refused(source, export):
    with pytest.raises(ShapeError):
        compare_logits(np.zeros(source), np.zeros(export))
