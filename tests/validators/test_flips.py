from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mctl.validators.errors import ShapeError
from mctl.validators.flips import flips


def logits_for(classes, margins):
    return np.eye(3)[np.asarray(classes)] * np.asarray(margins, dtype=float)[:, np.newaxis]


@given(st.lists(st.tuples(*[st.integers(0, 2)] * 3, st.floats(0.1, 9)), min_size=1, max_size=40))
def test_every_text_with_another_label_is_there_once(rows):
    labels, baseline, candidate, margins = map(np.array, zip(*rows, strict=True))
    found = flips(labels, logits_for(baseline, np.ones(len(labels))), logits_for(candidate, margins))
    assert sorted(flip.index for flip in found) == np.flatnonzero(baseline != candidate).tolist()
    for flip in found:
        told = (flip.label, flip.before, flip.after)
        assert told == (labels[flip.index], baseline[flip.index], candidate[flip.index])
        assert (flip.margin_before, flip.margin_after) == pytest.approx((1.0, margins[flip.index]))


def test_what_turned_wrong_comes_first_and_the_surest_of_it():
    labels, baseline, candidate = [0, 0, 0, 1, 2], [0, 0, 1, 0, 2], [1, 2, 0, 2, 2]
    found = flips(labels, logits_for(baseline, [1] * 5), logits_for(candidate, [2, 5, 9, 3, 1]))
    assert [flip.index for flip in found] == [1, 0, 3, 2]


def test_logits_that_are_not_finite_have_no_margin():
    spoilt = np.array([[0.0, math.nan, 1.0]])
    (flip,) = flips([0], [[1.0, 0.0, 0.0]], spoilt)
    assert flip.margin_before == 1.0
    assert math.isnan(flip.margin_after)


def test_logits_of_other_texts_are_refused():
    with pytest.raises(ShapeError):
        flips([0, 1], np.eye(2), np.eye(3)[:2])
