from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score

from mctl.validators.accuracy import compare, compare_predictions, score
from mctl.validators.errors import ShapeError
from mctl.validators.paired_shares import largest_unseen_mean, score_interval
from mctl.validators.statistics import mcnemar_p

NAMES = ("sports", "state", "world")


def logits_for(classes, number_of_classes=3):
    return np.eye(number_of_classes, dtype=np.float32)[np.asarray(classes)]


def disturbed(labels, share_wrong, seed):
    rng = np.random.default_rng(seed)
    wrong = rng.random(len(labels)) < share_wrong
    return np.where(wrong, (labels + rng.integers(1, 3, len(labels))) % 3, labels)


def test_score_of_a_small_case():
    result = score([0, 0, 1, 1, 2], logits_for([0, 1, 1, 1, 0]), NAMES)
    assert result.accuracy == pytest.approx(0.6)
    assert result.f1_by_class == pytest.approx({"sports": 0.5, "state": 0.8, "world": 0.0})
    assert result.macro_f1 == pytest.approx(1.3 / 3)
    assert result.texts_by_class == {"sports": 2, "state": 2, "world": 1}
    assert (result.texts, result.non_finite_texts) == (5, 0)


def test_class_without_a_label_does_not_count():
    result = score([0, 1], logits_for([0, 2]), NAMES)
    assert result.f1_by_class == {"sports": 1.0, "state": 0.0}
    assert result.macro_f1 == 0.5
    assert result.texts_by_class["world"] == 0


def test_logit_that_is_not_finite_is_a_wrong_answer():
    logits = logits_for([0, 0, 0, 1])
    logits[0, 1] = np.nan  # argmax would call this class 1, and
    logits[1, 0] = np.inf  # this class 0, which happens to be the label
    result = score([0, 0, 0, 1], logits, NAMES)
    assert result.accuracy == 0.5
    assert result.non_finite_texts == 2


def test_same_logits_differ_in_nothing_but_resolve_no_finer_than_their_number():
    labels = np.arange(60) % 3
    result = compare(labels, logits_for(labels), logits_for(labels))
    for difference, unseen in (
        (result.accuracy_difference_points, score_interval(0, 0, 60).high),
        (result.macro_f1_difference_points, 100 * largest_unseen_mean([20, 20, 20])),
    ):
        assert difference.value == 0.0
        # 60 texts without a flip leave a share of this much possible.
        assert difference.high == -difference.low == pytest.approx(unseen)
        assert unseen >= 100 * (1 - 0.05 ** (1 / 60))
    assert (result.flipped_to_wrong, result.flipped_to_right, result.mcnemar_p) == (0, 0, 1.0)
    assert result.resolvable_points == result.accuracy_difference_points.high


def test_flips_and_mcnemar_of_a_small_case():
    labels = [0, 0, 0, 1, 1, 1, 2, 2]
    baseline, candidate = [0, 0, 1, 1, 1, 0, 2, 1], [0, 1, 0, 1, 0, 2, 0, 0]
    result = compare(labels, logits_for(baseline), logits_for(candidate))
    # Texts 1, 4 and 6 turned wrong, text 2 right; texts 5 and 7 went from one wrong class to another.
    assert (result.flipped_to_wrong, result.flipped_to_right) == (3, 1)
    assert result.mcnemar_p == mcnemar_p(3, 1)
    assert result.accuracy_difference_points.value == -25.0
    assert (result.baseline_accuracy, result.candidate_accuracy) == (0.625, 0.375)


def test_one_text_of_a_hundred_is_exactly_one_point():
    labels = np.zeros(100, dtype=int)
    worse = labels.copy()
    worse[:12] = 1
    baseline = labels.copy()
    baseline[:11] = 1
    assert compare(labels, logits_for(baseline), logits_for(worse)).accuracy_difference_points.value == -1.0


def usual_case():
    labels = np.random.default_rng(0).choice(3, 400, p=[0.7, 0.25, 0.05])
    return labels, disturbed(labels, 0.1, 1), disturbed(labels, 0.16, 2)


def rare_class_case():
    """One text of class 1, which is in no more than two of three resamples."""
    labels = np.array([0] * 12 + [1])
    return labels, labels, np.array([0] * 8 + [2] * 4 + [1])


@pytest.mark.parametrize(("case", "points"), [(usual_case, 1.5), (rare_class_case, 4.0)])
def test_differences_are_those_of_scikit_learn_and_intervals_those_of_drawing_texts(case, points):
    labels, baseline, candidate = case()
    result = compare(labels, logits_for(baseline), logits_for(candidate))

    def macro_f1(rows, predicted):
        return f1_score(labels[rows], predicted[rows], labels=np.unique(labels[rows]), average="macro", zero_division=0)

    everything = np.arange(len(labels))
    expected = 100 * (macro_f1(everything, candidate) - macro_f1(everything, baseline))
    assert result.macro_f1_difference_points.value == pytest.approx(expected)
    assert result.candidate_macro_f1 == pytest.approx(macro_f1(everything, candidate))
    rng = np.random.default_rng(3)
    draws = [rng.integers(0, len(labels), len(labels)) for _ in range(400)]
    by_text = [100 * (macro_f1(rows, candidate) - macro_f1(rows, baseline)) for rows in draws]
    low, high = np.percentile(by_text, [2.5, 97.5])
    unseen = 50 * largest_unseen_mean(np.unique(labels, return_counts=True)[1])
    low = max(expected - unseen - np.hypot(expected - low, unseen), -100)
    high = expected + unseen + np.hypot(high - expected, unseen)
    assert result.macro_f1_difference_points.low == pytest.approx(low, abs=points)
    assert result.macro_f1_difference_points.high == pytest.approx(high, abs=points)


def test_accuracy_has_the_wider_of_the_two_intervals():
    labels = np.zeros(400, dtype=np.int64)
    for lost, won in ((0, 0), (1, 0), (3, 0), (40, 38)):
        baseline, candidate = labels.copy(), labels.copy()
        candidate[:lost], baseline[lost : lost + won] = 1, 1
        found, score_alone = (
            compare_predictions(labels, baseline, candidate).accuracy_difference_points,
            score_interval(lost, won, 400),
        )
        assert found.value == score_alone.value
        assert found.low <= score_alone.low
        assert found.high >= score_alone.high


def test_a_rare_class_without_a_flip_leaves_much_of_macro_f1_open():
    labels = np.repeat([0, 1, 2, 3], [700, 700, 594, 6])
    result = compare_predictions(labels, labels, labels)
    assert result.texts_by_class == (700, 700, 594, 6)
    # Six texts without a flip: 1 - 0.025^(1/6) of them could turn wrong, and of macro F1 a quarter of that.
    assert result.macro_f1_difference_points.low == pytest.approx(-25 * (1 - 0.025 ** (1 / 6)), rel=0.01)
    assert result.accuracy_difference_points.low > -0.2


def test_many_small_classes_together_leave_no_more_open_than_their_texts():
    labels = np.arange(2000) % 100
    assert compare_predictions(labels, labels, labels).macro_f1_difference_points.low > -0.2


@pytest.mark.parametrize(("rare", "lost", "won"), [(20, 0, 0), (60, 3, 0), (60, 4, 1)])
def test_so_many_more_texts_of_the_kind_settle_macro_f1(rare, lost, won):
    labels = np.repeat([3, 0, 1, 2], [rare, 700, 700, 540])
    baseline, candidate = labels.copy(), labels.copy()
    candidate[:lost], baseline[lost : lost + won] = 0, 0
    result = compare_predictions(labels, baseline, candidate)
    assert result.macro_f1_difference_points.low < -2.0
    times = result.texts_for_macro_f1(2.0) / len(labels)
    for factor, enough in ((0.8, False), (1.25, True)):
        # The same texts in their order, more often.
        rows = np.floor(np.arange(0, len(labels), 1 / (times * factor))).astype(int)
        low = compare_predictions(labels[rows], baseline[rows], candidate[rows]).macro_f1_difference_points.low
        assert (low >= -2.0) == enough


def test_a_loss_at_the_margin_is_settled_by_no_number_of_texts():
    labels = np.zeros(200, dtype=np.int64)
    candidate = labels.copy()
    candidate[:2] = 1
    result = compare_predictions(labels, labels, candidate)
    assert result.texts_for_accuracy(1.0) == np.inf
    assert result.texts_for_macro_f1(-result.macro_f1_difference_points.value) == np.inf


def test_swapping_the_models_turns_the_signs():
    labels = np.arange(200) % 3
    one, other = logits_for(disturbed(labels, 0.1, 1)), logits_for(disturbed(labels, 0.2, 2))
    there, back = compare(labels, one, other), compare(labels, other, one)
    assert there.accuracy_difference_points.value == -back.accuracy_difference_points.value
    assert there.macro_f1_difference_points.value == pytest.approx(-back.macro_f1_difference_points.value)
    assert (there.flipped_to_wrong, there.flipped_to_right) == (back.flipped_to_right, back.flipped_to_wrong)
    assert there.mcnemar_p == back.mcnemar_p


def test_more_texts_resolve_smaller_differences():
    resolvable = []
    for texts in (100, 1600):
        labels = np.arange(texts) % 3
        one, other = logits_for(disturbed(labels, 0.1, 1)), logits_for(disturbed(labels, 0.1, 2))
        result = compare(labels, one, other)
        assert result.resolvable_points == result.accuracy_difference_points.half_width
        resolvable.append(result.resolvable_points)
    assert resolvable[1] == pytest.approx(resolvable[0] / 4, rel=0.35)


def test_comparison_is_decided_by_its_seed():
    labels = np.arange(90) % 3
    pair = logits_for(disturbed(labels, 0.1, 1)), logits_for(disturbed(labels, 0.2, 2))
    assert compare(labels, *pair, seed=7) == compare(labels, *pair, seed=7)
    one, other = compare(labels, *pair, seed=7), compare(labels, *pair, seed=8)
    assert one.accuracy_difference_points != other.accuracy_difference_points
    assert one.macro_f1_difference_points != other.macro_f1_difference_points


@pytest.mark.parametrize(
    ("labels", "logits", "names"),
    [
        ([0, 1], np.zeros((3, 3)), NAMES),
        ([0, 3], np.zeros((2, 3)), NAMES),
        ([0, -100], np.zeros((2, 3)), NAMES),
        ([0.0, 1.0], np.zeros((2, 3)), NAMES),
        ([], np.zeros((0, 3)), NAMES),
        ([0, 1], np.zeros((2, 3)), ("sports", "state")),
        ([0, 1], np.zeros((2, 3)), ("sports", "state", "state")),
        ([0, 1], np.zeros(2), NAMES),
    ],
)
def test_what_does_not_belong_together_is_refused(labels, logits, names):
    with pytest.raises(ShapeError):
        score(labels, logits, names)


def test_models_with_different_classes_are_not_compared():
    with pytest.raises(ShapeError):
        compare([0, 1], np.zeros((2, 3)), np.zeros((2, 4)))
