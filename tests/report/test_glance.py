"""A verdict at a glance: what comes first on the page and in the terminal, and where the drawings put things."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import html5lib
import pytest
from results import result_with
from rich.console import Console

from mctl.report.key_figures import gain_or_loss, key_figures
from mctl.report.page import page
from mctl.report.pictures import WIDTH, interval_picture, latency_picture
from mctl.report.reason import reason_of
from mctl.report.schema import CheckResult, ValidationResult
from mctl.report.summary import summary
from mctl.report.terminal import show
from mctl.report.verdict_files import parse_result

OLD = Path(__file__).parents[1] / "fixtures" / "0.1.0" / "artifacts" / "prune25-distill-fp16" / "validation.json"
SVG = "{http://www.w3.org/2000/svg}"
LONG = "loss of accuracy 4.062 points (95 % interval 1.56 to 7.05) on 320 texts (15 regressions), at most 1 allowed"


def check(name: str, verdict: str, **changes: Any) -> dict[str, Any]:
    one = {"group": "accuracy", "name": name, "verdict": verdict, "figure": 2.0, "threshold": 1.0, "unit": "points"}
    return one | {"why": f"{name}: {LONG}", "bound": "at most", "low": 0.0, "high": 4.0} | changes


def changed(**changes: Any) -> ValidationResult:
    """The result of the tests with other parts."""
    return ValidationResult.model_validate(result_with("news").model_dump() | changes)


def mixed() -> ValidationResult:
    """Passing checks before failing ones, as in the order of making."""
    words = ("pass", "inconclusive", "info", "fail", "pass", "fail")
    return changed(checks=[check(f"{word}_{index}", word) for index, word in enumerate(words)])


def error() -> ValidationResult:
    told = {"kind": "refused", "what": "the <file> is empty.", "where": "news.csv, line 3", "todo": "Name another."}
    return changed(verdict="error", error=told, participants={}, checks=[], comparison=None, making=None)


def tree_of(result: ValidationResult) -> Element:
    tree: Element = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page(result))
    return tree


def classes_of(element: Element) -> set[str]:
    return set(element.get("class", "").split())


def printed(result: ValidationResult, width: int = 10_000, *, verbose: bool = False) -> str:
    console = Console(file=io.StringIO(), width=width, soft_wrap=True, highlight=False)
    show(result, console, verbose=verbose)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def words_of(text: str) -> str:
    return " ".join(text.split())


def test_the_page_has_the_banner_the_tiles_what_failed_and_then_the_rest_folded() -> None:
    tree = tree_of(mixed())
    banner, tiles, *_ = list(tree.iter("header")) + [one for one in tree.iter("div") if "tiles" in classes_of(one)]
    order = list(tree.iter())
    assert [word.text for word in tiles.iter("h2")] == ["quality", "speed", "size", "energy"]
    checks = [one for one in tree.iter("article") if "check" in classes_of(one)]
    names = [one.find("h3/b").text for one in checks]  # type: ignore[union-attr]
    assert names == ["fail_3", "fail_5", "inconclusive_1", "pass_0", "pass_4", "info_2"]
    places = [order.index(one) for one in (banner, tiles, *checks)]
    assert places == sorted(places)
    folded = [one.find("h3/b").text for fold in tree.iter("details") for one in fold.iter("article")]  # type: ignore[union-attr]
    assert folded == ["pass_0", "pass_4", "info_2"]
    assert not any("open" in fold.attrib for fold in tree.iter("details"))
    assert reason_of(mixed()) in "".join(banner.itertext())


def test_an_interval_is_drawn_against_its_limit() -> None:
    one = CheckResult.model_validate(check("loss", "fail", figure=2.0, low=0.0, high=4.0, threshold=1.0))
    drawn = interval_picture(one, None)
    assert drawn is not None
    # Figures from 0 to 4 and 12 % of that on both sides, over 304 units from 8 on.
    places = [round(8 + 304 * (value + 0.48) / 4.96, 1) for value in (0.0, 4.0, 2.0, 1.0)]
    assert [drawn.low, drawn.high, drawn.figure, drawn.limit.x] == places
    assert drawn.allowed == (8.0, places[3])
    assert (drawn.span.label, drawn.limit.label) == ("0 to 4 points", "at most 1 point")
    (svg, *_) = [one for one in tree_of(mixed()).iter(f"{SVG}svg") if classes_of(one) == {"interval"}]
    span = next(one for one in svg.iter(f"{SVG}line") if classes_of(one) == {"span"})
    assert (float(span.get("x1", "")), float(span.get("x2", ""))) == (drawn.low, drawn.high)
    assert svg.get("aria-label") == "fail_3: 2 points, interval 0 to 4 points, at most 1 point"


def test_an_interval_without_an_upper_end_goes_on_to_the_edge() -> None:
    one = CheckResult.model_validate(check("p95", "inconclusive", figure=3.0, low=2.0, high=None, unit="ms"))
    drawn = interval_picture(one, None)
    assert drawn is not None
    assert (drawn.high, drawn.span.label) == (WIDTH - 8, "at least 2 ms")
    assert drawn.described == "p95: 3 ms, interval at least 2 ms, at most 1 ms"


@pytest.mark.parametrize(("low", "high"), [(None, None), (-3.0, -1.0), (-3.0, 1.0)])
def test_no_drawing_tells_a_loss_below_zero(low: float | None, high: float | None) -> None:
    one = CheckResult.model_validate(check("class_f1_drop", "pass", figure=-2.0, low=low, high=high))
    drawn = interval_picture(one, None)
    assert drawn is not None
    assert drawn.described.startswith("class_f1_drop: gain of 2 points, ")
    assert drawn.span.label.startswith("gain of ")


def test_the_table_of_parts_says_what_is_right_in_the_row_of_a_class() -> None:
    (words,) = [
        words_of("".join(one.itertext()))
        for one in tree_of(mixed()).iter("p")
        if "A regression is" in "".join(one.itertext())
    ]
    assert "if it says rightly whether the text is of that class" in words


def test_a_limit_from_below_allows_what_is_right_of_it() -> None:
    one = CheckResult.model_validate(
        check("speedup", "pass", bound="at least", low=2.0, figure=2.5, high=3.0, unit="x")
    )
    drawn = interval_picture(one, None)
    assert drawn is not None and drawn.allowed is not None
    assert drawn.limit.x < drawn.low < drawn.figure < drawn.high < drawn.allowed[1]
    assert drawn.allowed[0] == drawn.limit.x


@pytest.mark.parametrize("figure", [0.0, 1e-9, -3.0, 1e12])
@pytest.mark.parametrize("threshold", [0.0, 1.0, -3.0])
def test_words_and_marks_stay_within_the_drawing(figure: float, threshold: float) -> None:
    one = CheckResult.model_validate(check("x", "pass", figure=figure, threshold=threshold, low=None, high=None))
    drawn = interval_picture(one, None)
    assert drawn is not None
    assert all(0 < x < WIDTH for x in (drawn.low, drawn.high, drawn.figure, drawn.limit.x))
    assert drawn.limit.anchor == ("start" if drawn.limit.x < 80 else "end" if drawn.limit.x > 240 else "middle")


def test_what_has_no_figure_or_no_limit_is_not_drawn() -> None:
    for changes in ({"figure": None}, {"threshold": None}, {"bound": None, "low": None, "high": None}):
        assert interval_picture(CheckResult.model_validate(check("x", "fail", **changes)), None) is None


def test_a_result_of_version_0_1_0_has_the_intervals_of_its_comparison() -> None:
    old = parse_result(OLD)
    assert old.comparison is not None
    loss = next(one for one in old.checks if (one.group, one.name) == ("accuracy", "accuracy_drop"))
    drawn = interval_picture(loss, old.comparison)
    assert drawn is not None
    assert drawn.span.label == "gain of 8.18 to loss of 2.07 points"
    assert drawn.low < drawn.figure < drawn.high < drawn.limit.x
    assert len(list(tree_of(old).iter("article"))) == len(old.checks)


def test_times_stand_on_a_plain_axis_of_milliseconds() -> None:
    drawn = latency_picture({"export": [1.0, 2.0, 3.0], "baseline": [4.0]}, ("baseline", "source", "export"))
    assert drawn is not None
    baseline, export = drawn.bars
    assert [mark.label for mark in drawn.ticks] == ["0", "1", "2", "3", "4"]
    steps = {round(after.x - before.x, 1) for before, after in zip(drawn.ticks, drawn.ticks[1:], strict=False)}
    assert max(steps) - min(steps) < 0.2, "the same number of ms is the same length everywhere"
    places = dict(zip((0, 1, 2, 3, 4), (mark.x for mark in drawn.ticks), strict=True))
    assert places[0] == 62.0, "the axis begins at 0 ms, beside the names"
    assert (export.p50, baseline.p50, export.median) == (places[2], places[4], "2 ms")
    assert export.p5 == pytest.approx(places[1] + 0.1 * (places[2] - places[1]), abs=0.1)
    assert latency_picture({}, ("export",)) is None


@pytest.mark.parametrize("largest", [1e-4, 0.9999, 1.0, 7.0, 12.0, 60.1, 99.0, 100.0, 12345.6])
def test_the_axis_ends_soon_after_the_largest_time_and_has_few_ticks(largest: float) -> None:
    drawn = latency_picture({"export": [largest]}, ("export",))
    assert drawn is not None
    assert 4 <= len(drawn.ticks) <= 8
    assert drawn.ticks[-2].x <= drawn.bars[0].p95 <= drawn.ticks[-1].x


def test_confusion_is_what_changes_with_its_sign() -> None:
    members = result_with("news").model_dump()["participants"]
    members["baseline"]["confusion"] = [[5, 2], [0, 4]]
    members["export"]["confusion"] = [[6, 1], [1, 3]]
    tree = tree_of(changed(participants=members))
    matrix = next(one for one in tree.iter("table") if "matrix" in classes_of(one))
    cells = [(one.text, (classes_of(one) - {"right"}).pop(), one.get("title")) for one in matrix.findall("tbody/tr/td")]
    assert cells == [
        ("+1", "better", "baseline 5, export 6"),
        ("−1", "better", "baseline 2, export 1"),
        ("+1", "worse", "baseline 0, export 1"),
        ("−1", "worse", "baseline 4, export 3"),
    ]


def test_dark_and_printed_pages_set_every_colour() -> None:
    style = page(mixed()).partition("<style>")[2].partition("</style>")[0]
    blocks = re.split(r"@media ", style)
    named = set(re.findall(r"(--[a-z-]+):", blocks[0]))
    used = set(re.findall(r"var\((--[a-z-]+)\)", page(mixed())))
    dark = next(block for block in blocks if block.startswith("(prefers-color-scheme: dark)"))
    paper = next(block for block in blocks if block.startswith("print"))
    assert set(re.findall(r"(--[a-z-]+):", dark)) == set(re.findall(r"(--[a-z-]+):", paper)) == named == used
    assert "details::details-content { content-visibility: visible;" in paper, "what is folded is printed"


def test_every_table_can_be_scrolled_on_a_narrow_screen() -> None:
    tree = tree_of(mixed())
    scrolled = [table for box in tree.iter("div") if "scroll" in classes_of(box) for table in box.iter("table")]
    assert len(scrolled) == len(list(tree.iter("table"))) > 0


def test_eighty_columns_hold_every_sentence() -> None:
    for verbose in (False, True):
        text = printed(mixed(), 80, verbose=verbose)
        assert max(map(len, text.splitlines())) <= 80
        for one in mixed().checks:
            shown = verbose or one.verdict in ("fail", "inconclusive")
            assert (one.why in words_of(text)) == shown
        assert reason_of(mixed()) in words_of(text)
        for figure in key_figures(mixed()):
            assert f"{figure.name} {figure.sentence}" in words_of(text)
        assert text.startswith("verdict: FAIL  news\n")


def test_long_names_do_not_widen_the_table_of_the_models() -> None:
    names = ("prune25-distill", "teacher", "prune50-distill-int8-of-a-teacher-with-a-long-name")
    members = result_with("news").model_dump()["participants"]
    for role, name in zip(("source", "baseline", "export"), names, strict=True):
        sources = {"cpu": "estimated from TDP", "gpu": "NVML"}
        members[role] |= {"name": name, "emissions": members[role]["emissions"] | {"sources": sources}}
    lines = printed(changed(participants=members), 80, verbose=True).splitlines()
    assert max(map(len, lines)) <= 80
    start = next(index for index, line in enumerate(lines) if line.startswith("models"))
    assert {"prune25-distill", "teacher", "prune50-distill-int8"} <= set(" ".join(lines[start : start + 8]).split())
    piped = printed(changed(participants=members), verbose=True)
    assert "CPU estimated from TDP, GPU NVML  CPU estimated from TDP, GPU NVML" in piped


def test_in_a_pipe_a_check_is_a_line() -> None:
    lines = [line.split() for line in printed(mixed()).splitlines()]
    assert [line[:3] for line in lines if line and line[0] in ("pass", "fail", "inconclusive", "info")] == [
        ["fail", "accuracy", "fail_3"],
        ["fail", "accuracy", "fail_5"],
        ["inconclusive", "accuracy", "inconclusive_1"],
    ]
    assert "2 checks passed, 1 figure has no limit: -v shows them." in printed(mixed())


def test_the_reason_is_the_first_failing_check_without_its_brackets() -> None:
    told = "fail_3: fail_3: loss of accuracy 4.062 points on 320 texts, at most 1 allowed; also fail_5."
    assert reason_of(mixed()) == told
    undecided = mixed().model_copy(update={"verdict": "inconclusive"})
    assert reason_of(undecided).startswith("inconclusive_1: ")
    passed = changed(verdict="pass", checks=[check("a", "pass"), check("b", "pass"), check("c", "info")])
    assert reason_of(passed) == "All 2 checks passed."
    assert reason_of(passed.model_copy(update={"reason": "As it was told."})) == "As it was told."


@pytest.mark.parametrize(
    ("low", "value", "high", "told", "span"),
    [
        (-1.9, -0.62, 0.5, "loss of 0.62 points of accuracy", "loss of 1.90 to gain of 0.50 points"),
        (-7.05, -4.06, -1.56, "loss of 4.06 points of accuracy", "loss of 1.56 to 7.05 points"),
        (0.2, 2.31, 4.4, "gain of 2.31 points of accuracy", "gain of 0.20 to 4.40 points"),
        (-1.0, 0.0, 1.0, "no change in accuracy", "loss of 1.00 to gain of 1.00 points"),
    ],
)
def test_a_loss_below_zero_is_a_gain(low: float, value: float, high: float, told: str, span: str) -> None:
    comparison = result_with("news").model_dump()["comparison"]
    change = {"value": value, "low": low, "high": high, "confidence": 0.95}
    comparison["accuracy"]["accuracy_difference_points"] = change
    quality, *_ = key_figures(changed(comparison=comparison))
    assert quality.value == told
    assert quality.details[0] == f"95 % interval: {span}"
    assert "-" not in quality.sentence


def test_differences_that_round_to_nothing_are_none() -> None:
    assert [gain_or_loss(points) for points in (0.004, -0.004, -0.006)] == [
        "no change",
        "no change",
        "loss of 0.01 points",
    ]


def test_factors_are_never_below_one() -> None:
    members = result_with("news").model_dump()["participants"]
    members["export"]["file_bytes"] = 4 * members["baseline"]["file_bytes"]
    members["export"]["emissions"] = {"kwh_per_1000_texts": 1e-5, "net": {"kwh_per_1000_texts": 2.5e-6}}
    _, speed, size, energy = key_figures(changed(participants=members))
    assert speed.details[1] == "1.00 times as fast"
    assert (size.value, energy.value) == ("4.00 times larger", "4.00 times less")
    members["export"]["emissions"] = None
    assert key_figures(changed(participants=members, comparison=None))[3].sentence == "not measured"


def test_a_speed_that_the_machine_cannot_tell_is_no_headline() -> None:
    comparison = result_with("news").model_dump()["comparison"]
    comparison["speedup"] |= {"value": 2.5, "low": 0.02, "high": 369.15}
    speed = key_figures(changed(comparison=comparison))[1]
    assert speed.value == "not measurable on this machine"
    assert speed.details[0].endswith("validate again while nothing else runs, or with more --repeats")
    assert speed.details[1] == "2.50 times as fast"
    for low, high in ((1.01, 5.0), (0.2, 0.99), (0.9, 1.34)):  # It is faster, it is slower, both are about as fast.
        comparison["speedup"] |= {"value": (low + high) / 2, "low": low, "high": high}
        assert key_figures(changed(comparison=comparison))[1].value.endswith("times as fast")


def test_an_error_is_told_with_where_and_what_to_do() -> None:
    tree = tree_of(error())
    (banner,) = tree.iter("header")
    said = words_of(" ".join(banner.itertext()))
    assert said == "! error news the <file> is empty. Where: news.csv, line 3 What to do: Name another."
    assert not list(tree.iter("article"))
    assert words_of(printed(error(), 80)) == "verdict: ERROR news news.csv, line 3: the <file> is empty. Name another."
    assert summary(error()).startswith("# 💥 **error**: news\n\nnews.csv, line 3: the &lt;file&gt; is empty.")


def test_markdown_has_the_figures_and_the_open_checks_before_what_is_folded() -> None:
    text = summary(mixed())
    open_part, _, folded = text.partition("<details>")
    assert [name in open_part for name in ("fail_3", "fail_5", "inconclusive_1", "- quality: **")] == [True] * 4
    assert re.findall(r"`(\w+)`", folded) == ["pass_0", "pass_4", "info_2"]
    assert text.count("<details>") == text.count("</details>") == 2
