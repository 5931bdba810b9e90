"""A classifier against always the most frequent class of the same texts."""

from __future__ import annotations

import numpy as np
import pytest

from mctl.validators.errors import ShapeError
from mctl.validators.majority import AgainstMajority, against_majority


def found(labels: list[int], said: list[int]) -> AgainstMajority:
    classes = max(labels) + 1
    return against_majority(labels, np.eye(classes)[said], [f"class {index}" for index in range(classes)])


def test_the_figures_of_always_one_class() -> None:
    one = found([0] * 30 + [1] * 70, [1] * 100)
    assert (one.name, one.accuracy, one.majority_accuracy) == ("class 1", 0.7, 0.7)
    assert one.gain_points.value == 0
    assert one.gain_points.low < 0 < one.gain_points.high
    assert one.recall_points.value == 0
    assert not one.is_more_accurate
    assert not one.has_learnt


def test_a_classifier_that_is_right_more_often() -> None:
    one = found([0] * 50 + [1] * 50, [0] * 45 + [1] * 5 + [1] * 45 + [0] * 5)
    assert one.accuracy == 0.9
    assert one.gain_points.value == pytest.approx(40)
    assert one.recall_points.value == pytest.approx(40)
    assert one.is_more_accurate


def test_a_classifier_that_gives_accuracy_away_to_find_a_rare_class_has_learnt() -> None:
    labels = [0] * 970 + [1] * 30
    one = found(labels, [0] * 935 + [1] * 35 + [1] * 25 + [0] * 5)
    assert one.accuracy < one.majority_accuracy
    assert not one.is_more_accurate
    assert one.has_learnt


def test_few_texts_that_are_all_right_do_not_make_the_recall_certain() -> None:
    assert found([0] * 60 + [1], [0] * 60 + [1]).recall_points.low == pytest.approx(28.4, abs=0.1)


def test_nearly_always_one_class_is_not_learnt_though_its_recall_is_above_chance() -> None:
    one = found([0] * 215 + [1] * 235, [0] * 213 + [1] * 2 + [0] * 210 + [1] * 25)
    assert not one.is_more_accurate
    assert 0 < one.recall_points.low < one.recall_needed_points == 5
    assert not one.has_learnt


@pytest.mark.parametrize("classes", [2, 7, 30])
def test_chance_is_seldom_taken_for_learning(classes: int) -> None:
    """Either figure may be above chance by chance, each in at most 2.5 of 100."""
    dice = np.random.default_rng(classes)
    learnt = 0
    for _ in range(200):
        labels = np.concatenate([np.arange(classes), dice.integers(0, classes, 200)])
        learnt += found(labels.tolist(), dice.integers(0, classes, len(labels)).tolist()).has_learnt
    assert learnt <= 16


def test_texts_of_one_class_tell_nothing() -> None:
    one = found([1] * 50, [1] * 50)
    assert not one.has_learnt


def test_logits_that_are_no_numbers_are_wrong() -> None:
    one = against_majority([0, 1, 1], [[np.nan, 0.0], [0.0, 1.0], [0.0, 1.0]], ["a", "b"])
    assert one.accuracy == pytest.approx(2 / 3)


def test_what_does_not_belong_together_is_refused() -> None:
    with pytest.raises(ShapeError):
        against_majority([0, 1], [[0.0, 1.0]], ["a", "b"])
