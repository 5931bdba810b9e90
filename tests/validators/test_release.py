from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mctl.validators.accuracy import compare_predictions
from mctl.validators.errors import ShapeError
from mctl.validators.gate import (
    Thresholds,
    growth_check,
    release_accuracy_checks,
    rows_check,
    slowdown_check,
)
from mctl.validators.slices import class_slices_of_predictions
from mctl.validators.statistics import Ratio, quotient

NAMES = ("sports", "state", "world")


def judged(released, candidate, texts=3000):
    truth = np.arange(texts) % 3
    parts = class_slices_of_predictions(truth, released, candidate, NAMES)
    found = release_accuracy_checks(compare_predictions(truth, released, candidate), parts, Thresholds())
    return {check.name: check.verdict for check in found}


def with_errors(texts, every):
    truth = np.arange(texts) % 3
    return np.where(np.arange(texts) % every == 0, (truth + 1) % 3, truth)


def test_an_export_as_good_as_the_release_passes():
    same = with_errors(3000, 10)
    assert set(judged(same, same).values()) == {"pass"}
    assert set(judged(same, with_errors(3000, 20)).values()) == {"pass"}


def test_an_export_worse_than_the_release_fails():
    assert judged(with_errors(3000, 100), with_errors(3000, 10))["accuracy_drop"] == "fail"
    few = judged(with_errors(60, 100), with_errors(60, 50), 60)
    assert few["accuracy_drop"] == "inconclusive"


def test_predictions_of_other_texts_are_refused():
    with pytest.raises(ShapeError):
        compare_predictions(np.zeros(3, np.int64), np.zeros(3, np.int64), np.zeros(2, np.int64))


@given(st.floats(0.3, 9), st.floats(0.3, 9), st.tuples(*[st.floats(0, 0.5)] * 4))
def test_a_quotient_lies_in_its_interval_and_turns_around(before, after, widths):
    one = Ratio(before, before * (1 - widths[0]), before * (1 + widths[1]))
    other = Ratio(after, after * (1 - widths[2]), after * (1 + widths[3]))
    there, back = quotient(one, other), quotient(other, one)
    assert there.low <= there.value * (1 + 1e-9) and there.value <= there.high * (1 + 1e-9)
    assert there.value == pytest.approx(before / after)
    assert there.low == pytest.approx(1 / back.high)
    assert there.high >= there.value * (1 + widths[1]) * (1 - 1e-9), "no narrower than either"


@pytest.mark.parametrize(
    ("interval", "expected"),
    [((0.9, 1.05), "pass"), ((1.0, 1.1), "pass"), ((1.0, 1.2), "inconclusive"), ((1.15, 1.3), "fail")],
)
def test_slowdown_is_judged_by_its_whole_interval(interval, expected):
    low, high = interval
    for value in (low, (low + high) / 2, high):
        assert slowdown_check(Ratio(value, low, high), Thresholds()).verdict == expected


@pytest.mark.parametrize("interval", [(0.9, 1.05), (1.0, 1.2), (1.15, 1.3)])
def test_speeds_that_were_measured_otherwise_decide_nothing(interval):
    check = slowdown_check(Ratio(interval[0], *interval), Thresholds(), unlike=["another machine", "threads 1"])
    assert check.verdict == "inconclusive"
    assert "another machine, threads 1" in check.why


@pytest.mark.parametrize(("size", "expected"), [(900, "pass"), (1100, "pass"), (1101, "fail")])
def test_size_may_grow_by_a_tenth(size, expected):
    assert growth_check(1000, size, Thresholds()).verdict == expected


def test_other_texts_leave_accuracy_open():
    assert rows_check(same_rows=True, same_classes=True).verdict == "pass"
    assert rows_check(same_rows=False, same_classes=True).verdict == "inconclusive"
    assert "other texts and classes" in rows_check(same_rows=False, same_classes=False).why
