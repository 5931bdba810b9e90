"""Each fault is found, counted, shown and dealt with; nothing else is touched."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mctl.data import CleaningReport, DataSettings, load, report_as_dict
from mctl.data.clean import clean
from mctl.data.dataset import Columns
from mctl.data.facts import Facts, collect
from mctl.data.rows import Rows, RowSource
from mctl.data.text import comparison_key
from mctl.errors import UserError

NAMES = Columns("text", "label")
NUKTA_COMPOSED, NUKTA_APART = "\u0958ानून", "\u0915\u093cानून"


def rows(*pairs: tuple[str, str]) -> Rows:
    return Rows([text for text, _ in pairs], [label for _, label in pairs], range(2, len(pairs) + 2))


def facts_of(source: dict[str, Rows]) -> Facts:
    return collect({split: RowSource(NAMES, iter([part])) for split, part in source.items()}, seed=42)


def cleaned(source: dict[str, Rows], **options: object) -> tuple[list[tuple[str, str, str]], CleaningReport]:
    facts = facts_of(source)
    kept, report, _ = clean(facts, DataSettings.model_validate({"min_texts_per_class": 1, **options}))
    found = facts.records[kept]
    splits = [facts.splits[number] for number in found["split"]]
    labels = [facts.labels[number] for number in found["label"]]
    return list(zip(splits, [facts.texts[row] for row in kept.tolist()], labels, strict=True)), report


def only_finding(report: CleaningReport):
    (finding,) = report.findings
    return finding


def test_clean_rows_are_left_alone():
    kept, report = cleaned({"all": rows(("one", "A"), ("two", "B"))})
    assert kept == [("all", "one", "A"), ("all", "two", "B")]
    assert report.findings == ()
    assert report.rows_read == report.rows_kept == {"all": 2}


@pytest.mark.parametrize("header", [("text", "label"), ("Text", "LABEL"), ("Headline", "Category"), ("", "Labels")])
def test_headers_among_the_rows_are_dropped(header):
    kept, report = cleaned({"all": rows(("one", "A"), header, ("two", "B"), header)})
    assert [text for _, text, _ in kept] == ["one", "two"]
    finding = only_finding(report)
    assert (finding.kind, finding.count) == ("header_row", 2)
    assert [(e.split, e.row, e.text, e.label) for e in finding.examples] == [("all", 3, *header), ("all", 5, *header)]


def test_a_class_called_topic_with_real_texts_is_kept():
    kept, report = cleaned({"all": rows(("a real text", "topic"), ("two", "B"))})
    assert len(kept) == 2
    assert report.findings == ()


def test_empty_texts_and_missing_labels_are_dropped():
    kept, report = cleaned({"all": rows(("one", "A"), ("", "A"), ("\u200b", "B"), ("two", "B"), ("three", ""))})
    assert [text for _, text, _ in kept] == ["one", "two"]
    assert [(f.kind, f.count) for f in report.findings] == [("empty_text", 2), ("missing_label", 1)]


def test_copies_are_told_from_copies_but_for_composition_and_spacing():
    same = [
        ("one", "A"),
        ("two", "B"),
        (NUKTA_COMPOSED, "A"),
        ("one", "A"),
        (NUKTA_APART, "A"),
        ("t wo", "B"),
        ("t  wo", "B"),
    ]
    kept, report = cleaned({"all": rows(*same)})
    assert [text for _, text, _ in kept] == ["one", "two", NUKTA_COMPOSED, "t wo"]
    assert {f.kind: f.count for f in report.findings} == {"exact_duplicate": 1, "normalised_duplicate": 2}


@pytest.mark.parametrize(("conflicts", "expected"), [("drop", []), ("first", [("all", "both", "B")])])
def test_one_text_with_two_labels(conflicts, expected):
    source = {"all": rows(("one", "A"), ("both", "B"), ("both", "A"), ("both ", "B"), ("two", "B"))}
    kept, report = cleaned(source, conflicts=conflicts)
    assert [row for row in kept if row[1] == "both"] == expected
    finding = report.findings[0]
    assert (finding.kind, finding.count) == ("conflicting_labels", 3 if conflicts == "drop" else 1)
    assert finding.what_was_done == (
        "all copies of 1 text dropped" if conflicts == "drop" else "dropped, the first label of 1 text kept"
    )


def test_a_shared_text_stays_in_the_split_nearest_to_test():
    source = {
        "train": rows(
            ("in all", "A"), ("in train and dev", "B"), ("in train", "B"), ("in all", "A"), ("also in train", "A")
        ),
        "dev": rows(("in train and dev", "B"), ("in all", "A")),
        "test": rows(("in all", "A")),
    }
    kept, report = cleaned(source)
    assert sorted(kept) == [
        ("dev", "in train and dev", "B"),
        ("test", "in all", "A"),
        ("train", "also in train", "A"),
        ("train", "in train", "B"),
    ]
    finding = only_finding(report)
    assert (finding.kind, finding.count) == ("shared_between_splits", 4)
    assert {(e.split, e.row) for e in finding.examples} <= {("train", 2), ("train", 3), ("train", 5), ("dev", 3)}
    assert report.rows_kept == {"train": 2, "dev": 1, "test": 1}


def test_a_class_without_one_usable_row_is_reported_as_vanished():
    _, report = cleaned({"all": rows(("one", "A"), ("two", "B"), ("", "Gone"), ("", "Gone"))})
    assert [(f.kind, f.count) for f in report.findings] == [("empty_text", 2), ("class_vanished", 2)]
    assert "Gone (2)" in report.findings[1].what_was_done


def test_small_classes_are_counted_by_what_there_is_to_train_on():
    source = {
        "train": rows(*((f"a{i}", "A") for i in range(3)), *((f"b{i}", "B") for i in range(2)), ("b0", "B")),
        "test": rows(*((f"ta{i}", "A") for i in range(3)), *((f"tb{i}", "B") for i in range(9))),
    }
    kept, report = cleaned(source, min_texts_per_class=3)
    assert {label for _, _, label in kept} == {"A"}
    finding = report.findings[-1]
    assert (finding.kind, finding.count) == ("class_too_small", 11)


def test_labels_that_differ_in_case_are_kept_apart_and_reported():
    kept, report = cleaned({"all": rows(("one", "Sports"), ("two", "sports"), ("three", "Tech"))})
    assert len(kept) == 3
    finding = only_finding(report)
    assert (finding.kind, finding.count) == ("labels_alike", 2)


@pytest.mark.parametrize("joined", ["Sports,Tech", "Tech; Sports", "sports|TECH", "Sports,Tech,Health"])
def test_labels_that_join_others_are_told(joined):
    """Also where they are so rare that they are dropped as small classes afterwards."""
    singles = [(f"{label} {number}", label) for label in ("Sports", "Tech", "Health") for number in range(6)]
    _, report = cleaned({"all": rows(*singles, ("both", joined), ("two", joined))}, min_texts_per_class=5)
    (finding,) = [found for found in report.findings if found.kind == "labels_joined"]
    assert finding.count == 2
    assert repr(joined) in finding.what_was_done
    assert [example.text for example in finding.examples] == ["both", "two"]


@pytest.mark.parametrize("label", ["Arts, Culture", "Sports, Culture", "Sports,", "Sports,Sports", "Sports Tech"])
def test_a_separator_alone_joins_no_labels(label):
    singles = [(f"{name} {number}", name) for name in ("Sports", "Tech") for number in range(6)]
    _, report = cleaned({"all": rows(*singles, ("both", label), ("two", label))})
    assert report.findings == ()


def test_one_label_of_many_that_joins_others_is_nothing():
    singles = [(f"{name} {number}", f"L{name}") for name in range(30) for number in range(5)]
    _, report = cleaned({"all": rows(*singles, ("both", "L1,L2"))})
    assert report.findings == ()


def test_spelling_of_labels_is_evened_out():
    kept, _ = cleaned(
        {"all": rows(("one", "वृत्त  एक"), ("two", "वृत्त एक"), ("three", NUKTA_COMPOSED), ("x", NUKTA_APART))}
    )
    assert len({label for _, _, label in kept}) == 2


def test_long_texts_are_shortened_in_examples():
    _, report = cleaned({"all": rows(("x" * 500, "A"), ("x" * 500, "A"), ("two", "B"))})
    assert len(only_finding(report).examples[0].text) <= 60


def test_the_report_survives_json():
    _, report = cleaned({"all": rows(("एक", "A"), ("एक", "A"), ("two", "B"))})
    back = json.loads(json.dumps(report_as_dict(report)))
    assert back["rows_read"] == {"all": 3}
    assert back["findings"] == [
        {
            "kind": "exact_duplicate",
            "count": 1,
            "what_was_done": "dropped, the first kept",
            "examples": [{"split": "all", "row": 3, "text": "एक", "label": "A"}],
        }
    ]


@pytest.mark.parametrize(
    "pairs", [[(f"t{i}", "A") for i in range(20)], [("", "A"), ("", "B")], [("t", "A"), ("t", "B")]]
)
def test_fewer_than_two_classes_is_refused(write, pairs):
    with pytest.raises(UserError, match="two classes or more"):
        load(DataSettings(source=str(write("rows.csv", pairs))))


WORDS = st.sampled_from(["", "एक", "दोन", "दोन ", NUKTA_COMPOSED, NUKTA_APART, "text", "x y", "x  y", "z"])
LABELS = st.sampled_from(["A", "B", "C", "", "label"])
SOURCES = st.dictionaries(
    st.sampled_from(["train", "dev", "test"]), st.lists(st.tuples(WORDS, LABELS), max_size=25), min_size=1
)
DROPPING = {
    "header_row",
    "empty_text",
    "missing_label",
    "conflicting_labels",
    "shared_between_splits",
    "exact_duplicate",
    "normalised_duplicate",
    "class_too_small",
}


@settings(deadline=None, max_examples=150)
@given(SOURCES, st.sampled_from(["drop", "first"]))
def test_whatever_comes_in_each_text_comes_out_once_and_every_row_is_accounted_for(source, conflicts):
    as_read = {split: rows(*pairs) for split, pairs in source.items()}
    kept, report = cleaned(as_read, conflicts=conflicts)
    assert len({comparison_key(text) for _, text, _ in kept}) == len(kept)
    for split, text, label in kept:
        assert text
        assert label
        assert (text, label) in source[split]
    dropped = sum(finding.count for finding in report.findings if finding.kind in DROPPING)
    assert dropped == sum(report.rows_read.values()) - len(kept)
    assert Counter(split for split, _, _ in kept) == Counter(report.rows_kept)
    assert all(1 <= len(f.examples) <= min(3, f.count) for f in report.findings)
    for finding in report.findings:
        for example in finding.examples:
            assert source[example.split][example.row - 2] == (example.text, example.label)
