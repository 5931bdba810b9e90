"""Labels meet the teacher's by name, whatever the order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mctl.data import DataSettings, align_labels, load, select_labels
from mctl.errors import UserError

TEACHER = {"Sports": 2, "Tech": 0, "Auto": 1}


def test_names_match_exactly_before_they_match_regardless_of_case():
    assert align_labels({"tech": 5, "Auto": 5}, TEACHER, label_spelling="fold") == {"tech": 0, "Auto": 1}
    assert align_labels({"auto": 1, "Auto": 1}, {"auto": 0, "Auto": 1}) == {"auto": 0, "Auto": 1}


def test_composition_does_not_matter():
    teacher = {"\u0915\u093c": 4, "B": 3}
    assert align_labels({"\u0958": 1, "B": 1}, teacher) == {"\u0958": 4, "B": 3}
    assert align_labels({"\u0958": 1, "b": 1}, teacher, label_spelling="fold") == {"\u0958": 4, "b": 3}


@pytest.mark.parametrize("unknown_labels", ["error", "drop"])
@pytest.mark.parametrize("data", [{"tech": 5, "Auto": 5}, {"tech": 5, "Tech": 2, "Auto": 5}, {"TECH": 5, "Travel": 1}])
def test_labels_of_another_case_are_refused_and_neither_merged_nor_dropped(data, unknown_labels):
    with pytest.raises(UserError, match=r"'(tech|TECH)' \(5 rows\) for 'Tech'") as caught:
        align_labels(data, TEACHER, unknown_labels=unknown_labels)
    assert 'label_spelling = "fold"' in str(caught.value.todo)


def test_a_whole_number_with_decimals_is_the_same_label():
    assert align_labels({"1.0": 1, "0": 1}, {"0": 0, "1": 1}) == {"1.0": 1, "0": 0}


@given(st.permutations(list(TEACHER)), st.permutations(list(TEACHER)), st.permutations(range(3)))
def test_the_order_of_either_side_does_not_matter(data_names, teacher_names, ids):
    teacher = dict(zip(teacher_names, ids, strict=True))
    assert align_labels(dict.fromkeys(data_names, 1), teacher) == teacher


def test_an_unknown_label_is_refused_with_its_count():
    with pytest.raises(UserError) as caught:
        align_labels({"Sports": 3, "Tech": 3, "Travel": 7}, TEACHER)
    assert "'Travel' (7 rows)" in caught.value.what
    assert "'Auto'" in str(caught.value.todo)


def test_an_unknown_label_can_be_left_out():
    assert align_labels({"Sports": 3, "Tech": 3, "Travel": 7}, TEACHER, unknown_labels="drop") == {
        "Sports": 2,
        "Tech": 0,
    }


def test_a_name_that_fits_two_labels_is_refused():
    with pytest.raises(UserError, match="fits several"):
        align_labels({"SPORTS": 1, "Tech": 1}, {"Sports": 0, "sports": 1, "Tech": 2}, label_spelling="fold")


@pytest.mark.parametrize("data", [{"Sports": 1, "Other": 1}, {"Sports": 1, "sports": 1}, {"Other": 1}])
def test_one_known_label_is_not_enough(data):
    with pytest.raises(UserError, match="of the teacher's labels occur"):
        align_labels(data, TEACHER, unknown_labels="drop", label_spelling="fold")


def test_a_teacher_without_names_is_not_matched_by_position():
    with pytest.raises(UserError, match="cannot be guessed"):
        align_labels({"0": 1, "1": 1}, {"LABEL_0": 0, "LABEL_1": 1})


@pytest.fixture
def three_classes(write):
    rows = [(f"{label} {i}", label) for label in ("Sports", "Tech", "Travel") for i in range(10)]
    return load(DataSettings(source=str(write("rows.csv", rows))))


def test_selecting_labels_drops_the_other_rows_and_says_so(three_classes):
    selected = select_labels(three_classes, ["Sports", "Tech"])
    assert selected.class_names == ("Sports", "Tech")
    assert selected.rows_per_split_and_class()["train"] == {"Sports": 7, "Tech": 7}
    assert selected.sha256 != three_classes.sha256
    finding = selected.report.findings[-1]
    assert (finding.kind, finding.count) == ("unknown_label", 10)
    assert "Travel (10)" in finding.what_was_done


def test_selecting_all_labels_changes_nothing(three_classes):
    assert select_labels(three_classes, three_classes.class_names) is three_classes


def test_selecting_one_label_is_refused(three_classes):
    with pytest.raises(UserError, match="only 1 class"):
        select_labels(three_classes, ["Sports"])
