from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mctl.validators.accuracy import PairedAccuracy, compare_predictions
from mctl.validators.break_even import BreakEven
from mctl.validators.emissions import EmissionsResult, Net
from mctl.validators.errors import ValidatorError
from mctl.validators.gate import (
    Check,
    Thresholds,
    accuracy_checks,
    break_even_check,
    data_check,
    decide,
    emissions_checks,
    fusion_check,
    integrity_checks,
    latency_checks,
    lineage_checks,
    on_unknown_training,
    on_weak_baseline,
    parity_checks,
    runs_check,
    share_check,
    slice_checks,
    slowdown_check,
    speedup_check,
)
from mctl.validators.integrity import FilesResult, OnnxResult
from mctl.validators.latency import LatencyResult
from mctl.validators.majority import against_majority
from mctl.validators.parity import ParityResult
from mctl.validators.slices import Slice, class_slices_of_predictions
from mctl.validators.statistics import Estimate, Ratio

NAN, INF = float("nan"), float("inf")
PARITY = ParityResult(480, 0.02, 0.003, 0.998, 1e-5, 0, (3, 1))
ACCURACY = PairedAccuracy(
    480, 0.9, 0.896, 0.88, 0.87, Estimate(-0.4, -1.5, 0.6), Estimate(-1.1, -2.5, 0.4), 5, 3, 0.7, 1.05, (200, 280)
)
LATENCY = LatencyResult(4.0, 5.0, 6.0, 9.0, 2000.0, 60, 480, tuple([4.0] * 60))
P95 = Estimate(6.0, 5.6, 6.4, 0.9)
EMISSIONS = EmissionsResult(2e-5, 0.0143, 5.0, 900, 9, 1e-6, 0.0, 1e-6, "estimated", 0.0, "CPU", "IND", "India", 713.4)
FILES = FilesResult(7, 1234, (), (), (), ())
GRAPH = OnnxResult((), 20, ("input_ids",), ("logits",), {"MatMul": 12}, 4000, 4000, 3000, ())

VERDICTS = st.sampled_from(["pass", "fail", "inconclusive", "info"])


def check(verdict):
    return Check("figure", "parity", verdict, 0.0, None, "share", "it is so")


def named(checks, name):
    (found,) = [one for one in checks if one.name == name]
    return found


def test_checks_carry_their_interval_and_the_side_of_the_limit():
    accuracy, macro, *_ = accuracy_checks(ACCURACY, Thresholds())
    assert [(one.bound, one.low, one.high) for one in (accuracy, macro)] == [
        ("at most", -0.6, 1.5),
        ("at most", -0.4, 2.5),
    ]
    times = latency_checks(LATENCY, Thresholds(min_speedup=2.0), Ratio(2.5, 2.1, 3.0), p95=P95)
    speedup, p95, p50 = (named(times, name) for name in ("speedup", "p95", "p50"))
    assert (speedup.bound, speedup.low, speedup.high) == ("at least", 2.1, 3.0)
    assert (p95.bound, p95.low, p95.high) == ("at most", 5.6, 6.4)
    assert (p50.low, p50.high) == (None, None)
    agreement = named(parity_checks(PARITY, "fp16", Thresholds()), "label_agreement")
    assert (agreement.bound, agreement.low, agreement.high) == ("at least", None, PARITY.label_agreement_high)
    slower = slowdown_check(Ratio(1.2, 1.05, 1.4), Thresholds())
    assert (slower.bound, slower.low, slower.high) == ("at most", 1.05, 1.4)


def verdict_of(checks, name):
    return named(checks, name).verdict


@given(st.lists(VERDICTS, min_size=1))
def test_fail_beats_inconclusive_beats_pass(verdicts):
    decision = decide([check(verdict) for verdict in verdicts])
    worst = next((word for word in ("fail", "inconclusive") if word in verdicts), "pass")
    assert decision == worst
    assert decide(reversed([check(verdict) for verdict in [*verdicts, "info"]])) == worst


def test_no_check_decides_nothing():
    with pytest.raises(ValidatorError):
        decide([])


@pytest.mark.parametrize(
    ("precision", "agreement", "difference"), [("fp32", 0.999, 1e-3), ("fp16", 0.995, 0.25), ("int8", 0.99, 1.0)]
)
def test_parity_is_judged_by_precision(precision, agreement, difference):
    for shift, expected in ((0.0, "pass"), (1e-6, "fail")):
        # So many texts that there is no doubt about the share.
        many = replace(PARITY, texts=10**11)
        result = replace(many, label_agreement=agreement - shift, max_abs_logit_diff=difference + shift)
        checks = parity_checks(result, precision, Thresholds())
        assert verdict_of(checks, "label_agreement") == verdict_of(checks, "max_logit_diff") == expected
        assert decide(checks) == expected


def test_precision_without_a_threshold_is_reported_and_not_judged():
    checks = parity_checks(PARITY, "int4", Thresholds())
    assert verdict_of(checks, "label_agreement") == verdict_of(checks, "max_logit_diff") == "info"
    assert named(checks, "label_agreement").threshold is None
    silent = Thresholds(max_logit_diff={"fp16": None})
    assert (
        verdict_of(parity_checks(replace(PARITY, max_abs_logit_diff=99.0), "fp16", silent), "max_logit_diff") == "info"
    )


def test_sentence_says_figure_and_threshold():
    assert (
        named(parity_checks(PARITY, "fp16", Thresholds()), "label_agreement").why
        == "label agreement 99.8 % on 480 texts, at least 99.5 % asked"
    )


def test_sentence_never_rounds_a_failure_into_a_pass():
    close = replace(PARITY, label_agreement=0.99499999)
    assert (
        named(parity_checks(close, "fp16", Thresholds()), "label_agreement").why
        == "label agreement 99.499999 % on 480 texts, at least 99.5 % asked (99.92 % is possible): these texts cannot "
        "tell, and hardly any number would: the figure is as good as at the limit"
    )


@pytest.mark.parametrize(
    ("texts", "agreeing", "expected"),
    [(100, 100, "pass"), (200, 199, "pass"), (100, 99, "inconclusive"), (100, 98, "inconclusive"), (100, 97, "fail"),
     (2000, 1989, "inconclusive"), (2000, 1970, "fail"), (1, 0, "fail")],
)  # fmt: skip
def test_few_texts_that_change_their_label_are_no_evidence_against_the_export(texts, agreeing, expected):
    """The limit is outside of the exact interval of the share, or these texts cannot tell."""
    result = replace(PARITY, texts=texts, label_agreement=agreeing / texts)
    check = named(parity_checks(result, "fp16", Thresholds()), "label_agreement")
    assert check.verdict == expected
    possible = stats.binomtest(agreeing, texts).proportion_ci(0.95, method="exact").high
    assert result.label_agreement_high == pytest.approx(possible)
    assert (expected == "fail") == (possible < 0.995)
    assert (check.settled_by_texts is not None) == (expected == "inconclusive")


def test_so_many_texts_of_which_the_same_share_agrees_settle_it():
    one_of_a_hundred = replace(PARITY, texts=100, label_agreement=0.99)
    check = named(parity_checks(one_of_a_hundred, "fp16", Thresholds()), "label_agreement")
    assert check.why == (
        "label agreement 99 % on 100 texts, at least 99.5 % asked (99.97 % is possible): these texts cannot tell, "
        "about 1100 could"
    )
    for texts, expected in ((check.settled_by_texts, "fail"), (check.settled_by_texts - 1, "inconclusive")):
        more = replace(one_of_a_hundred, texts=texts)
        assert verdict_of(parity_checks(more, "fp16", Thresholds()), "label_agreement") == expected


def test_texts_without_finite_logits_fail():
    spoilt = replace(PARITY, non_finite_texts=2)
    assert verdict_of(parity_checks(spoilt, "int4", Thresholds()), "non_finite_texts") == "fail"


@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_figure_that_is_not_finite_fails_even_unasked(value):
    none = Thresholds({}, {}, *[None] * 6)
    assert decide(parity_checks(replace(PARITY, mean_kl_nats=value), "fp32", none)) == "fail"
    assert decide(parity_checks(replace(PARITY, label_agreement=value), "fp16", Thresholds())) == "fail"
    assert decide(parity_checks(replace(PARITY, max_abs_logit_diff=value), "fp16", Thresholds())) == "fail"
    estimate = Estimate(value, value, value)
    assert decide(accuracy_checks(replace(ACCURACY, macro_f1_difference_points=estimate), none)) == "fail"
    assert decide(latency_checks(replace(LATENCY, p50_ms=value), none, p95=P95)) == "fail"
    assert decide(latency_checks(LATENCY, Thresholds(min_speedup=1.0), Ratio(value, value, value), p95=P95)) == "fail"
    assert decide(emissions_checks(replace(EMISSIONS, kwh_per_1000_texts=value), none)) == "fail"


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        ((-0.5, 0.2), "pass"),
        ((-1.0, 0.2), "pass"),
        ((-1.01, 0.2), "inconclusive"),
        ((-3.0, -1.0), "inconclusive"),
        ((-3.0, -1.01), "fail"),
    ],
)
def test_loss_of_accuracy_is_judged_by_its_whole_interval(interval, expected):
    low, high = interval
    for value in (low, (low + high) / 2, high):
        result = replace(ACCURACY, accuracy_difference_points=Estimate(value, low, high))
        accuracy = named(accuracy_checks(result, Thresholds()), "accuracy_drop")
        assert accuracy.verdict == expected
        assert accuracy.figure == -value
        ends = (low, high) if value > 0 else (-high + 0.0, -low)
        assert accuracy.why.startswith("gain" if value > 0 else "loss")
        assert f"95 % interval {ends[0]:.2f} to {ends[1]:.2f}" in accuracy.why
        assert ("these texts cannot tell" in accuracy.why) == (expected == "inconclusive")


def test_macro_f1_has_a_threshold_of_its_own():
    surely = replace(ACCURACY, accuracy_difference_points=Estimate(-0.4, -0.9, 0.1))
    result = replace(surely, macro_f1_difference_points=Estimate(-2.5, -3.0, -2.1))
    checks = accuracy_checks(result, Thresholds())
    assert (verdict_of(checks, "accuracy_drop"), verdict_of(checks, "macro_f1_drop")) == ("pass", "fail")


def test_without_a_margin_a_loss_is_only_reported():
    checks = accuracy_checks(ACCURACY, Thresholds(max_accuracy_drop_points=None, max_macro_f1_drop_points=None))
    assert {one.verdict for one in checks} == {"info"}


def test_sentence_on_accuracy():
    # So many texts with 5 of 480 turned wrong and 3 right that a loss of 1 point is rejected: see paired_shares.
    assert named(accuracy_checks(ACCURACY, Thresholds()), "accuracy_drop").why == (
        "loss of accuracy 0.4 points (95 % interval -0.60 to 1.50) on 480 texts (5 turned wrong, 3 turned right; "
        "McNemar p 0.7; 1.05 points can be resolved), at most 1 points allowed: these texts cannot tell, about 2300 "
        "could"
    )


def test_the_number_of_texts_that_settles_it_is_a_field_and_is_enough():
    """Without a flip among 100 texts: 1 point is ruled out by 381 of them, and not by 380."""
    labels = np.zeros(100, dtype=np.int64)
    check = named(accuracy_checks(compare_predictions(labels, labels, labels), Thresholds()), "accuracy_drop")
    assert (check.verdict, check.settled_by_texts) == ("inconclusive", 381)
    assert check.why.endswith("these texts cannot tell, about 390 could")
    for texts, expected in ((381, "pass"), (380, "inconclusive")):
        labels = np.zeros(texts, dtype=np.int64)
        more = named(accuracy_checks(compare_predictions(labels, labels, labels), Thresholds()), "accuracy_drop")
        assert more.verdict == expected
        assert (more.settled_by_texts is None) == (expected == "pass")


@pytest.mark.parametrize(("texts", "turned_right"), [(200, 0), (400, 0), (500, 0), (700, 0), (400, 0.005), (700, 0.01)])
def test_a_loss_as_large_as_the_margin_hardly_ever_passes(texts, turned_right):
    """Exactly, over all numbers of flips: those that pass, with their odds, at a true loss of 1 point."""
    odds, right = stats.binom(texts, turned_right), range(int(texts * turned_right + 12) if turned_right else 1)
    passed = 0.0
    for won in right:
        for lost in range(int(0.01 * texts) + won + 1):
            labels = np.zeros(texts, dtype=np.int64)
            baseline, candidate = labels.copy(), labels.copy()
            candidate[:lost], baseline[lost : lost + won] = 1, 1
            result = compare_predictions(labels, baseline, candidate, resamples=200)
            if verdict_of(accuracy_checks(result, Thresholds()), "accuracy_drop") == "pass":
                share = (0.01 + turned_right) / (1 - turned_right)
                passed += odds.pmf(won) * stats.binom.pmf(lost, texts - won, share)
    assert passed < 0.025


def test_no_difference_at_all_on_2500_texts_passes():
    labels = np.arange(2500) % 4
    assert decide(accuracy_checks(compare_predictions(labels, labels, labels), Thresholds())) == "pass"


def test_a_rare_class_of_which_nothing_was_seen_does_not_pass():
    """Of 2,000 texts 6 are of the fourth class: none of them flips, and that says little about what would."""
    labels = np.repeat([0, 1, 2, 3], [700, 700, 594, 6])
    checks = accuracy_checks(compare_predictions(labels, labels, labels), Thresholds())
    assert (verdict_of(checks, "accuracy_drop"), verdict_of(checks, "macro_f1_drop")) == ("pass", "inconclusive")
    assert named(checks, "macro_f1_drop").settled_by_texts > 10_000


def test_a_loss_as_large_as_the_margin_is_settled_by_no_number_of_texts():
    result = replace(ACCURACY, accuracy_difference_points=Estimate(-1.0, -2.0, 0.0))
    assert "hardly any number would" in named(accuracy_checks(result, Thresholds()), "accuracy_drop").why


def part(kind="class", name="news", before=0.9, after=0.9, p=1.0, adjusted_p=1.0):
    return Slice(kind, name, 40, before, after, 5, 1, p, adjusted_p)


@pytest.mark.parametrize(
    ("lost", "p", "adjusted", "expected"),
    [
        (0.04, 0.001, 0.01, "pass"),
        (0.06, 0.001, 0.01, "fail"),
        (0.06, 0.01, 0.12, "inconclusive"),
        (0.06, 0.2, 1.0, "pass"),
        (-0.2, 0.001, 0.01, "pass"),
    ],
)
def test_a_part_fails_when_it_lost_much_and_not_by_chance(lost, p, adjusted, expected):
    broken = part(name="sport", after=0.9 - lost, p=p, adjusted_p=adjusted)
    (check,) = slice_checks([part(), broken, part(name="state", before=0.9, after=0.85)], Thresholds())
    assert check.verdict == expected
    assert check.name == "class_f1_drop"


@pytest.mark.parametrize(
    ("to_wrong", "to_right", "lost", "expected"),
    [
        (5, 0, 1.0, "inconclusive"),
        (3, 0, 0.06, "inconclusive"),
        (2, 0, 0.5, "pass"),
        (5, 1, 0.5, "pass"),
        (5, 0, 0.04, "pass"),
    ],
)
def test_a_small_part_of_which_every_flip_is_a_loss_does_not_pass(to_wrong, to_right, lost, expected):
    small = Slice("class", "rare", 5, 1.0, 1.0 - lost, to_wrong, to_right, 0.07, 1.0)
    likelier = Slice("class", "sport", 190, 0.9, 0.84, 9, 2, 0.065, 0.9)
    (check,) = slice_checks([likelier, small], Thresholds())
    assert check.verdict == expected
    if expected == "inconclusive":
        assert check.why.startswith("rare: loss of F1")
        assert check.why.endswith("too few texts to tell it from chance")


def test_a_class_of_five_that_is_wholly_lost_among_a_hundred_does_not_pass():
    labels = np.concatenate([np.repeat(np.arange(99), 20), np.full(5, 99)])
    candidate = np.where(labels == 99, 0, labels)
    names = [f"class {index}" for index in range(100)]
    (check,) = slice_checks(class_slices_of_predictions(labels, labels, candidate, names), Thresholds())
    assert check.verdict == "inconclusive"
    assert check.why.startswith("class 99: loss of F1 100 points")
    (check,) = slice_checks(class_slices_of_predictions(labels, labels, labels, names), Thresholds())
    assert check.verdict == "pass"


def test_three_losses_in_one_of_a_hundred_classes_are_no_alarm_where_texts_turn_wrong_everywhere():
    parts = [Slice("class", f"class {index}", 25, 0.9, 0.9, 1, 1, 1.0, 1.0) for index in range(99)]
    unlucky = Slice("class", "unlucky", 25, 0.9, 0.8, 3, 0, 0.25, 1.0)
    (check,) = slice_checks([*parts, unlucky], Thresholds())
    assert check.verdict == "pass"
    (check,) = slice_checks([*parts, replace(unlucky, texts=3)], Thresholds())
    assert check.verdict == "inconclusive"


def test_the_part_that_decides_is_the_one_that_is_named():
    few = part(name="rare", before=1.0, after=0.5, p=0.5, adjusted_p=1.0)
    broken = part(name="sport", after=0.7, p=1e-6, adjusted_p=1e-5)
    (check,) = slice_checks([few, broken], Thresholds())
    assert check.verdict == "fail"
    assert check.why.startswith("sport: loss of F1 20 points")
    (check,) = slice_checks([few, part()], Thresholds())
    assert check.verdict == "pass"
    assert check.why.startswith("rare: loss of F1 50 points")
    assert check.why.endswith("too few texts to tell it from chance")


def test_a_class_that_the_baseline_never_gets_right_is_named_as_not_judged():
    never = part(name="rare", before=0.0, after=0.0, p=1.0, adjusted_p=1.0)
    (check,) = slice_checks([never, part(after=0.95)], Thresholds())
    assert check.verdict == "pass"
    assert check.why.startswith("news: gain of F1 5 points"), "not the class that had nothing to lose"
    assert check.why.endswith("; not judged, since their F1 was 0 before: rare")
    many = [replace(never, name=f"rare {index}") for index in range(7)]
    (check,) = slice_checks([*many, part()], Thresholds())
    assert check.why.endswith(": rare 0, rare 1, rare 2, rare 3, rare 4 and 2 more")
    (check,) = slice_checks([part(), part(name="state")], Thresholds())
    assert "not judged" not in check.why


def test_nothing_is_shown_against_a_baseline_that_has_learnt_nothing_and_a_loss_stays_one():
    labels = np.repeat(np.arange(4), 25)
    always, noise = np.eye(4)[np.zeros(100, int)], np.eye(4)[np.random.default_rng(0).integers(0, 4, 100)]
    checks = [*accuracy_checks(ACCURACY, Thresholds()), *slice_checks([part()], Thresholds())]
    lost = replace(checks[0], verdict="fail")
    for logits in (always, noise):
        found = on_weak_baseline([lost, *checks], against_majority(labels, logits, ["a", "b", "c", "d"]))
        assert found[0] == lost
        assert {one.verdict for one in found[1:]} <= {"inconclusive", "info"}
        assert "is not shown to be right more often than always a is, with 25.0 %" in found[1].why
        assert found[1].settled_by_texts is None
    right = against_majority(labels, np.eye(4)[labels], ["a", "b", "c", "d"])
    assert on_weak_baseline(checks, right) == checks


def test_a_loss_of_just_the_limit_is_allowed_and_written_without_a_rounding_tail():
    (check, *_) = slice_checks([part(before=0.75, after=0.7)], Thresholds(max_slice_drop_points=5.0))
    assert 100 * (0.75 - 0.7) > 5
    assert check.verdict == "pass"
    assert "loss of F1 5 points" in check.why
    assert "too few" not in check.why


def test_classes_and_lengths_are_checks_of_their_own():
    checks = slice_checks([part(), part("length", "up to 8 tokens", after=0.5, p=1e-6, adjusted_p=1e-6)], Thresholds())
    assert [(one.name, one.verdict) for one in checks] == [("class_f1_drop", "pass"), ("length_accuracy_drop", "fail")]
    silent = slice_checks([part(after=0.1, p=0.0, adjusted_p=0.0)], Thresholds(max_slice_drop_points=None))
    assert [one.verdict for one in silent] == ["info"]


def test_latency_is_only_reported_unless_asked():
    checks = latency_checks(LATENCY, Thresholds(), Ratio(0.5, 0.4, 0.6), p95=P95)
    assert {one.verdict for one in checks} == {"info"}
    assert named(checks, "throughput").why == "throughput 2000 texts/s over 60 calls"
    assert decide(checks) == "pass"


@pytest.mark.parametrize(
    ("limit", "expected"), [(6.4, "pass"), (6.3, "inconclusive"), (5.6, "inconclusive"), (5.5, "fail")]
)
def test_p95_is_judged_by_its_whole_interval(limit, expected):
    asked = Thresholds(max_p95_ms=limit)
    assert verdict_of(latency_checks(LATENCY, asked, p95=P95), "p95") == expected
    elsewhere = named(latency_checks(LATENCY, asked, p95=P95, same_machine=False), "p95")
    assert elsewhere.verdict == "inconclusive"
    assert "another machine" in elsewhere.why


def test_an_interval_without_an_upper_end_says_so():
    p95 = Estimate(6.0, 5.55, INF, 0.9)
    check = named(latency_checks(LATENCY, Thresholds(max_p95_ms=7.0), p95=p95), "p95")
    assert check.verdict == "inconclusive"
    assert "(90 % interval at least 5.55)" in check.why
    assert "inf" not in speedup_check(Ratio(2.0, 1.5, INF), 1.0, "").why


@pytest.mark.parametrize(("waited", "expected"), [(0.0, "fail"), (0.05, "fail"), (0.06, "inconclusive")])
def test_a_p95_over_its_limit_on_a_busy_machine_is_no_fail(waited, expected):
    busy = replace(LATENCY, waited_share=waited)
    assert verdict_of(latency_checks(busy, Thresholds(max_p95_ms=5.5), p95=P95), "p95") == expected
    assert verdict_of(latency_checks(busy, Thresholds(max_p95_ms=6.4), p95=P95), "p95") == "pass"


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        ((2.0, 2.4), "pass"),
        ((2.1, 2.4), "pass"),
        ((1.9, 2.4), "inconclusive"),
        ((1.5, 2.0), "inconclusive"),
        ((1.5, 1.9), "fail"),
    ],
)
def test_speedup_is_judged_by_its_whole_interval(interval, expected):
    low, high = interval
    for value in (low, high):
        checks = latency_checks(LATENCY, Thresholds(min_speedup=2.0), Ratio(value, low, high), p95=P95)
        assert verdict_of(checks, "speedup") == expected


def test_infinite_speedup_fails_however_wide_its_interval():
    checks = latency_checks(LATENCY, Thresholds(min_speedup=2.0), Ratio(INF, 1.0, INF), p95=P95)
    assert verdict_of(checks, "speedup") == "fail"


def test_large_figures_are_written_out():
    checks = latency_checks(replace(LATENCY, throughput_texts_per_s=123456.7), Thresholds(), p95=P95)
    assert named(checks, "throughput").why == "throughput 123457 texts/s over 60 calls"


@pytest.mark.parametrize(("limit", "expected"), [(None, "info"), (0.0143, "pass"), (0.014, "fail")])
def test_emissions_are_judged_and_say_where_they_come_from(limit, expected):
    emissions = named(emissions_checks(EMISSIONS, Thresholds(max_gco2e_per_1000_texts=limit)), "emissions")
    assert emissions.verdict == expected
    assert "0.0143 gCO2e per 1000 texts, estimated over 5 s" in emissions.why
    assert "electricity of India at 713 gCO2e/kWh" in emissions.why


def test_sound_artifact_passes_integrity():
    checks = integrity_checks(FILES, GRAPH)
    assert [(one.name, one.verdict) for one in checks] == [("files", "pass"), ("graph", "pass"), ("weights", "pass")]
    assert checks[1].why == "the graph is valid: 12 nodes, opset 20, 75.0 % of the weights in fp16"


@pytest.mark.parametrize("kind", ["missing", "changed", "unexpected", "unsafe"])
def test_any_wrong_file_fails_and_is_named(kind):
    (files,) = integrity_checks(files=replace(FILES, **{kind: ("a.txt", "b.txt")}))
    assert (files.verdict, files.figure) == ("fail", 2)
    assert files.why == f"{kind}: a.txt, b.txt"


FUSED = {"MultiHeadAttention": 2, "BiasGelu": 2}


@pytest.mark.parametrize(
    ("nodes", "recorded", "blocks", "expected"),
    [
        ({"com.microsoft.MultiHeadAttention": 2, "com.microsoft.BiasGelu": 2, "Add": 9}, FUSED, 2, "pass"),
        ({"Attention": 2}, {}, 2, "pass"),
        ({"MatMul": 9}, {}, 0, "pass"),
        ({"MatMul": 9}, {}, 2, "fail"),
        ({"com.microsoft.MultiHeadAttention": 1, "com.microsoft.BiasGelu": 2}, FUSED, 0, "fail"),
        ({"com.microsoft.MultiHeadAttention": 2}, FUSED, 2, "fail"),
    ],
)
def test_fusion_is_as_recorded_and_on_cuda_whole(nodes, recorded, blocks, expected):
    assert fusion_check(replace(GRAPH, nodes_by_type=nodes), recorded, blocks).verdict == expected


def test_sentence_on_fusion_says_what_is_missing():
    found = fusion_check(replace(GRAPH, nodes_by_type={"com.microsoft.BiasGelu": 2}), FUSED, 12)
    assert found.why == (
        "0 nodes MultiHeadAttention where 2 are recorded; 0 of 12 attention blocks are one node, as CUDA needs them"
    )
    assert found.figure == 2


def test_broken_graph_and_weights_fail():
    (graph,) = integrity_checks(graph=OnnxResult(("model.onnx cannot be read",)))
    assert (graph.verdict, graph.why) == ("fail", "model.onnx cannot be read")
    weights = named(integrity_checks(graph=replace(GRAPH, non_finite_initializers=("w",))), "weights")
    assert (weights.verdict, weights.why) == ("fail", "not finite: w")


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_speedup": NAN},
        {"max_p95_ms": INF},
        {"max_logit_diff": {"fp16": NAN}},
        {"min_label_agreement": {"fp16": 99.5}},
        {"min_label_agreement": {"fp16": -0.1}},
    ],
)
def test_senseless_thresholds_are_refused(wrong):
    with pytest.raises(ValidatorError):
        Thresholds(**wrong)


@pytest.mark.parametrize(("difference", "expected"), [(0.0, "pass"), (1e-4, "pass"), (2e-4, "fail")])
def test_a_strip_that_changed_the_model_fails(difference, expected):
    checks = lineage_checks(difference, {"export": ("a", "b"), "source": ("a", "b")})
    assert [(one.name, one.verdict) for one in checks] == [("strip", expected), ("labels", "pass")]


def test_classes_in_another_order_fail_and_the_model_is_named():
    (labels,) = lineage_checks(None, {"export": ("a", "b"), "source": ("b", "a"), "baseline": ("a", "b")})
    assert labels.verdict == "fail"
    assert labels.why == "source and export number their classes differently"


@pytest.mark.parametrize(
    ("share", "recorded", "kept", "expected"),
    [
        (0.995, 0.995, 0, "pass"),
        (0.98, 0.98, 0, "fail"),
        (0.98, 0.98, 2, "pass"),
        (0.97, 0.98, 2, "fail"),
        (0.991, 0.999, 0, "fail"),
    ],
)
def test_fp16_weights_are_those_that_were_made(share, recorded, kept, expected):
    graph = replace(GRAPH, initializer_bytes=2000, float_bytes=1000, fp16_bytes=round(1000 * share))
    assert share_check(graph, recorded, kept).verdict == expected


@pytest.mark.parametrize(
    ("fp16_bytes", "kept", "expected"), [(1000, 0, "pass"), (999, 0, "fail"), (980, 0, "fail"), (999, 2, "fail")]
)
def test_a_share_that_0_1_0_recorded_is_of_all_bytes(fp16_bytes, kept, expected):
    graph = replace(GRAPH, initializer_bytes=2000, float_bytes=1000, fp16_bytes=fp16_bytes)
    check = share_check(graph, 0.5, kept, of_all=True)
    assert check.verdict == expected
    assert "of the initializers" in check.why


@pytest.mark.parametrize(
    ("rows", "source", "seen", "said", "expected"),
    [
        (True, True, 0, False, "pass"),
        (True, False, 0, False, "pass"),
        (False, True, 0, False, "fail"),
        (False, True, None, True, "fail"),
        (False, False, 3, True, "fail"),
        (False, False, 0, False, "info"),
        (False, False, None, False, "inconclusive"),
        (False, False, None, True, "info"),
    ],
)
def test_nothing_was_trained_on_the_test_texts(rows, source, seen, said, expected):
    check = data_check("news.csv", same_rows=rows, same_source=source, texts=9, seen=seen, said_to_be_unseen=said)
    assert check.verdict == expected
    assert check.why.startswith("news.csv ")
    assert ("3 of its 9 test texts" in check.why) == (seen == 3)


@pytest.mark.parametrize(
    ("rows", "source", "seen", "expected"),
    [
        (True, True, 0, "inconclusive"),
        (False, False, 0, "inconclusive"),
        (False, False, None, "inconclusive"),
        (False, False, 3, "fail"),
        (False, True, 0, "fail"),
    ],
)
def test_texts_that_a_model_from_elsewhere_may_have_learnt_are_no_test(rows, source, seen, expected):
    check = data_check(
        "news.csv",
        same_rows=rows,
        same_source=source,
        texts=9,
        seen=seen,
        said_to_be_unseen=True,
        unknown="teacher was made elsewhere",
    )
    assert check.verdict == expected
    assert ("teacher was made elsewhere" in check.why) == (expected == "inconclusive")


def test_accuracy_on_texts_that_were_perhaps_learnt_is_neither_lost_nor_kept():
    kinds = ("pass", "fail", "inconclusive", "info")
    checks = [Check("accuracy_drop", "accuracy", kind, 0.5, 1.0, "points", "loss", 900) for kind in kinds]
    broken = Check("macro_f1_drop", "accuracy", "fail", NAN, 1.0, "points", "no number")
    found = on_unknown_training([*checks, broken], "it was made elsewhere")
    assert [one.verdict for one in found] == ["inconclusive"] * 3 + ["info", "fail"]
    assert all(one.settled_by_texts is None and "made elsewhere" in one.why for one in found[:3])


def test_a_model_that_does_not_run_fails():
    (check,) = [runs_check("export", "id 9 is out of range")]
    assert decide([check]) == "fail"
    assert check.why == "export does not run on the test texts: id 9 is out of range"


def test_what_making_took_is_repaid_or_not():
    repaid = break_even_check(BreakEven(120_000.4, 120_000.4, 120_000.4), 0.02)
    never = break_even_check(BreakEven(INF, INF, INF), 0.02)
    assert repaid.verdict == never.verdict == "info"
    assert repaid.why == "making it from the baseline took 0.02 kWh, which 120000 texts save"
    assert never.why == "making it from the baseline took 0.02 kWh, and it saves none"
    assert decide([repaid, never]) == "pass"


def test_energy_says_its_interval():
    (energy, _) = emissions_checks(replace(EMISSIONS, kwh_low=1.5e-5, kwh_high=2.5e-5), Thresholds())
    assert "95 % interval 1.5e-05 to 2.5e-05" in energy.why


def test_break_even_says_its_interval_and_what_is_not_in_it():
    found = break_even_check(BreakEven(1200.0, 1000.0, 1500.0), 0.02)
    assert found.why == "making it from the baseline took 0.02 kWh, which 1200 texts save (95 % interval 1000 to 1500)"
    perhaps_never = break_even_check(BreakEven(1200.0, 1000.0, INF), 0.02, ["prune25"])
    assert perhaps_never.figure == 1200.0
    assert "without prune25, of which nothing is known" in perhaps_never.why
    assert "(95 % interval 1000 to never)" in perhaps_never.why


def test_energy_says_where_each_part_comes_from():
    sources = {"cpu": "RAPL", "gpu": "NVML", "ram": "estimated from size"}
    (energy, _) = emissions_checks(replace(EMISSIONS, sources=sources), Thresholds())
    assert "processor RAPL, GPU NVML, memory estimated from size" in energy.why
    assert "idle power is not subtracted" in energy.why


def test_energy_is_judged_net_of_idle_and_says_so():
    net = Net(1e-5, 0.0071, 0.9e-5, 1.1e-5, {"cpu": 12.0, "gpu": 30.0})
    energy, gases = emissions_checks(replace(EMISSIONS, net=net), Thresholds(max_gco2e_per_1000_texts=0.01))
    assert (energy.figure, gases.figure, gases.verdict) == (1e-5, 0.0071, "pass")
    assert "net of 42 W at idle, 2e-05 kWh with it" in energy.why
    assert "95 % interval 9e-06 to 1.1e-05" in energy.why


@pytest.mark.parametrize(("turns", "poor"), [(4, False), (40, True)])
def test_short_turns_are_said_to_resolve_little(turns, poor):
    (energy, _) = emissions_checks(replace(EMISSIONS, turns=turns), Thresholds())
    assert ("the resolution is poor" in energy.why) is poor


def test_a_loss_below_zero_is_told_as_a_gain():
    better = replace(ACCURACY, accuracy_difference_points=Estimate(0.4, -0.6, 1.5))
    drop = named(accuracy_checks(better, Thresholds()), "accuracy_drop")
    assert (drop.figure, drop.threshold, drop.verdict) == (-0.4, 1.0, "pass")
    assert drop.why.startswith("gain of accuracy 0.4 points (95 % interval -0.60 to 1.50) on 480 texts")
    assert drop.why.endswith("a loss of at most 1 points allowed")
    worse = named(accuracy_checks(ACCURACY, Thresholds()), "accuracy_drop")
    assert worse.why.startswith("loss of accuracy 0.4 points (95 % interval -0.60 to 1.50)")
    same = replace(ACCURACY, accuracy_difference_points=Estimate(0.0, -1.0, 1.0))
    assert named(accuracy_checks(same, Thresholds()), "accuracy_drop").why.startswith("loss of accuracy 0 points")


def test_a_class_that_gained_most_of_all_is_told_as_a_gain():
    labels = np.repeat([0, 1], 40)
    before, after = labels.copy(), labels.copy()
    before[:4], before[40:44] = 1, 0
    parts = class_slices_of_predictions(labels, before, after, ("news", "sport"))
    (check,) = slice_checks(parts, Thresholds())
    assert check.figure < 0
    assert "gain of F1 10 points" in check.why
    assert check.why.endswith("a loss of at most 5 points allowed")
