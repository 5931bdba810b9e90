from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from mctl.validators.accuracy import score
from mctl.validators.errors import ShapeError
from mctl.validators.slices import class_slices, length_slices
from mctl.validators.statistics import mcnemar_p

NAMES = ("sports", "state", "world")


def logits_for(classes):
    return np.eye(3, dtype=np.float32)[np.asarray(classes)]


@given(st.lists(st.tuples(*[st.integers(0, 2)] * 3), min_size=1, max_size=60))
def test_of_every_class_the_f1_is_that_of_scikit_learn(rows):
    labels, baseline, candidate = map(np.array, zip(*rows, strict=True))
    parts = class_slices(labels, logits_for(baseline), logits_for(candidate), NAMES)
    assert [part.name for part in parts] == [NAMES[index] for index in np.unique(labels)]
    for part in parts:
        index = NAMES.index(part.name)
        for predicted, found in ((baseline, part.before), (candidate, part.after)):
            assert found == pytest.approx(f1_score(labels == index, predicted == index, zero_division=0))
        assert part.texts == (labels == index).sum()
        if part.before == part.after:
            assert part.p == pytest.approx(1.0)


@given(st.lists(st.tuples(*[st.integers(0, 2)] * 3, st.integers(1, 70)), min_size=1, max_size=60))
def test_ranges_of_lengths_share_out_all_texts(rows):
    labels, baseline, candidate, lengths = map(np.array, zip(*rows, strict=True))
    parts = length_slices(labels, logits_for(baseline), logits_for(candidate), lengths)
    assert sum(part.texts for part in parts) == len(labels)
    assert sum(part.texts * part.after for part in parts) == pytest.approx((labels == candidate).sum())
    assert sum(part.to_wrong for part in parts) == ((labels == baseline) & (labels != candidate)).sum()
    assert {part.name for part in parts} <= {
        "up to 8 tokens", "9 to 16 tokens", "17 to 32 tokens", "33 to 64 tokens", "65 to 128 tokens"
    }  # fmt: skip


def test_a_class_that_takes_texts_from_others_loses_too():
    labels = np.repeat([0, 1], 50)
    candidate = labels.copy()
    candidate[:10] = 1
    sports, state = class_slices(labels, logits_for(labels), logits_for(candidate), NAMES)
    assert (sports.to_wrong, state.to_wrong) == (10, 10)
    assert state.drop_points > 5
    assert sports.p == pytest.approx(mcnemar_p(10, 0))
    assert state.p == pytest.approx(mcnemar_p(10, 0))


def test_fewer_errors_are_no_evidence_that_f1_fell():
    """One true positive and thirteen false alarms are gone: McNemar finds a difference, but that is a gain."""
    labels = np.array([0] * 6 + [1] * 94)
    baseline, candidate = labels.copy(), labels.copy()
    baseline[1:6], baseline[6:19], candidate[:6] = 1, 0, 1
    rare, _ = class_slices(labels, logits_for(baseline), logits_for(candidate), NAMES)
    assert (rare.to_wrong, rare.to_right, rare.drop_points) == (1, 13, pytest.approx(10.0))
    assert mcnemar_p(rare.to_wrong, rare.to_right) < 0.01
    assert rare.p > 0.5


def test_the_more_parts_the_less_a_small_p_says():
    """Holm: the smallest p counts for all parts, the second for all but one, and none is below its predecessor."""
    labels, lengths = np.zeros(60, dtype=int), np.repeat([5, 12, 20], 20)
    candidate = labels.copy()
    candidate[:7], candidate[20:26], candidate[40:41] = 1, 1, 1
    first, second, third = length_slices(labels, logits_for(labels), logits_for(candidate), lengths)
    assert first.adjusted_p == pytest.approx(3 * mcnemar_p(7, 0))
    assert second.adjusted_p == pytest.approx(2 * mcnemar_p(6, 0))
    assert third.adjusted_p == third.p == 1.0


def test_equal_models_lose_nothing_anywhere():
    labels = np.arange(90) % 3
    lengths = np.arange(90) % 40 + 1
    logits = logits_for((labels + (np.arange(90) % 7 == 0)) % 3)
    for part in [*class_slices(labels, logits, logits, NAMES), *length_slices(labels, logits, logits, lengths)]:
        assert (part.drop_points, part.to_wrong, part.to_right, part.adjusted_p) == (0.0, 0, 0, 1.0)


def test_spoilt_logits_are_wrong_in_their_class():
    labels = np.arange(30) % 3
    spoilt = logits_for(labels)
    spoilt[labels == 2] = np.nan
    parts = class_slices(labels, logits_for(labels), spoilt, NAMES)
    assert [part.after for part in parts] == [1.0, 1.0, 0.0]
    assert score(labels, spoilt, NAMES).f1_by_class == {part.name: part.after for part in parts}


def test_what_does_not_belong_together_is_refused():
    labels = [0, 1, 2]
    with pytest.raises(ShapeError):
        class_slices(labels, logits_for(labels), logits_for([0, 1]), NAMES)
    with pytest.raises(ShapeError):
        length_slices(labels, logits_for(labels), logits_for(labels), [3, 4])
