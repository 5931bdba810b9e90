"""A split that is given is used whole after cleaning, or refused; labels of another spelling are never lost."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mctl.data import DataSettings, load, select_labels
from mctl.errors import UserError

Write = Callable[..., Path]


def with_prefix(rows: list[Any], prefix: str) -> list[Any]:
    return [(f"{prefix} {text}", label) for text, label in rows]


def folder_of(write: Write, rows: list[Any], spelling: dict[str, str]) -> Path:
    """Train with the labels as they are, and test with them spelled otherwise."""
    write("news/train.csv", rows)
    test = [(text, spelling[label]) for text, label in with_prefix(rows, "test")]
    return write("news/test.csv", test).parent


def test_labels_of_another_case_are_refused_with_both_spellings(write: Write, two_classes: list[Any]) -> None:
    folder = folder_of(write, two_classes, {"Sports": "sports", "Tech": "TECH"})
    with pytest.raises(
        UserError, match=r"'sports' \(20 rows, the first in test, row 2\) for 'Sports' \(20 rows"
    ) as caught:
        load(DataSettings(source=str(folder)))
    assert "'TECH' (20 rows, the first in test, row 22)" in caught.value.what
    assert 'label_spelling = "fold"' in str(caught.value.todo)
    dataset = load(DataSettings(source=str(folder), label_spelling="fold"))
    assert dataset.rows_per_split_and_class()["test"] == {"Sports": 20, "Tech": 20}
    (found,) = dataset.report.findings
    assert (found.kind, found.count) == ("labels_respelled", 40)


@pytest.mark.parametrize(("train", "test"), [("{}", "{}.0"), ("{}.0", "{}")])
def test_whole_numbers_with_decimals_are_the_same_labels(
    write: Write, two_classes: list[Any], train: str, test: str
) -> None:
    numbers = {"Sports": "0", "Tech": "1"}
    write("news/train.csv", [(text, train.format(numbers[label])) for text, label in two_classes])
    rows = [(f"u {text}", test.format(numbers[label])) for text, label in two_classes]
    dataset = load(DataSettings(source=str(write("news/test.csv", [*rows, ("gap", "")]).parent)))
    assert len(dataset.splits["test"]) == 40
    assert dataset.class_names == (train.format("0"), train.format("1"))
    assert [found.kind for found in dataset.report.findings] == ["labels_respelled", "missing_label"]


@pytest.mark.parametrize(
    "spelling",
    [{"Sports": "\u0958", "Tech": "b "}, {"Sports": "\u0915\u093c", "Tech": " b"}],
)
def test_composition_and_spaces_are_no_other_spelling(
    write: Write, two_classes: list[Any], spelling: dict[str, str]
) -> None:
    write("news/train.csv", [(text, {"Sports": "\u0958", "Tech": "b"}[label]) for text, label in two_classes])
    folder = write("news/test.csv", [(f"u {text}", spelling[label]) for text, label in two_classes]).parent
    dataset = load(DataSettings(source=str(folder)))
    assert len(dataset.splits["test"]) == 40
    assert dataset.report.findings == ()


def test_true_of_json_and_of_csv_is_not_the_same(write: Write, two_classes: list[Any], tmp_path: Path) -> None:
    folder = folder_of(
        write, [(t, str(c == "Tech").lower()) for t, c in two_classes], {"true": "True", "false": "False"}
    )
    with pytest.raises(UserError, match=r"'False' .* for 'false'"):
        load(DataSettings(source=str(folder)))


@pytest.mark.parametrize("name", ["dev", "test"])
def test_a_given_split_that_loses_more_than_half_is_refused(write: Write, two_classes: list[Any], name: str) -> None:
    write("news/train.csv", two_classes)
    rows = with_prefix(two_classes, name)
    folder = write(f"news/{name}.csv", [*rows[:9], *((text, "Other") for text, _ in rows[9:])]).parent
    with pytest.raises(UserError, match=f"31 of 40 rows of the {name} split are dropped: class_too_small: 31 rows"):
        load(DataSettings(source=str(folder)))
    assert len(load(DataSettings(source=str(folder), max_dropped=80)).splits[name]) == 9  # type: ignore[index]


def test_a_training_file_without_labels_is_blamed_and_not_the_test_file(write: Write, two_classes: list[Any]) -> None:
    train = write("news.csv", [(text, "") for text, _ in two_classes])
    test = write("test.csv", with_prefix(two_classes, "test"))
    with pytest.raises(UserError, match="no row is left of 80 rows after cleaning") as caught:
        load(DataSettings(source=str(train), test=str(test)))
    assert caught.value.where == str(train)


def test_a_copy_of_test_as_dev_is_not_replaced(write: Write, two_classes: list[Any]) -> None:
    write("news/train.csv", two_classes)
    for name in ("dev", "test"):
        folder = write(f"news/{name}.csv", with_prefix(two_classes, "held out")).parent
    with pytest.raises(UserError, match="40 of 40 rows of the dev split are dropped: shared_between_splits"):
        load(DataSettings(source=str(folder)))


def test_a_test_file_is_used_whole_and_what_it_shares_leaves_train(write: Write, two_classes: list[Any]) -> None:
    news = write("news.csv", two_classes)
    held_out = write("held-out.jsonl", [*with_prefix(two_classes[::2], "held out"), two_classes[0]])
    dataset = load(DataSettings(source=str(news), test=str(held_out)))
    assert set(dataset.splits["test"].texts) == {text for text, _ in with_prefix(two_classes[::2], "held out")} | {
        two_classes[0][0]
    }
    assert dataset.cut_from_train == ("dev",)
    assert [(found.reason, found.lines) for found in dataset.dropped.reasons()] == [
        ("shared_between_splits", ("all 2",))
    ]
    assert dataset.sha256 != load(DataSettings(source=str(news))).sha256


def test_test_files_that_cannot_be_used(write: Write, two_classes: list[Any], tmp_path: Path) -> None:
    news = str(write("news.csv", two_classes))
    folder = write("splits/test.csv", with_prefix(two_classes, "test")).parent
    write("splits/train.csv", two_classes)
    other = str(write("other.csv", with_prefix(two_classes, "other")))
    for source, test, words in (
        (news, str(tmp_path / "missing.csv"), "there is no such file"),
        (news, "", "there is no such file"),
        (news, str(folder), "this is a folder, not a file"),
        (news, news, "the test file is the data themselves"),
        (str(folder), other, "there is a test split, and .*other.csv is to be another one"),
    ):
        with pytest.raises(UserError, match=words):
            load(DataSettings(source=source, test=test))
    assert len(load(DataSettings(source=str(folder), test=other, ignore=("test.csv",))).splits["test"]) == 40


def test_a_share_may_come_as_a_word_and_stays_a_share() -> None:
    settings = DataSettings.model_validate({"test": "0.25"})
    assert settings.test == 0.25
    assert DataSettings.model_validate(settings.model_dump(mode="json")) == settings
    assert DataSettings(test="held-out.csv").test_file == "held-out.csv"


def test_a_file_that_is_to_judge_is_a_test_split_as_a_whole(write: Write) -> None:
    """Classes with few texts are judged too."""
    path = write("held-out.csv", [("one", "A"), ("two", "B"), ("two", "B"), ("three", "")])
    dataset = load(DataSettings(source=str(path)), to_judge=True)
    assert {name: len(split) for name, split in dataset.splits.items()} == {"train": 0, "dev": 0, "test": 2}
    assert dataset.class_names == ("A", "B")
    assert dataset.cut_from_train == ()


def test_a_folder_of_a_test_split_alone_judges_and_does_not_train(write: Write, two_classes: list[Any]) -> None:
    folder = write("only/test.csv", two_classes).parent
    assert len(load(DataSettings(source=str(folder)), to_judge=True).splits["test"]) == 40
    with pytest.raises(UserError, match="no train split"):
        load(DataSettings(source=str(folder)))


def test_dropped_rows_are_written_with_their_lines(write: Write, two_classes: list[Any], tmp_path: Path) -> None:
    rows = [("two\nlines", "Tech"), ("", "Tech"), *two_classes, two_classes[0], ("odd", "Other")]
    dataset = load(DataSettings(source=str(write("rows.csv", rows)), min_texts_per_class=2))
    dataset.dropped.write(tmp_path / "dropped.csv")
    with (tmp_path / "dropped.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["split", "line", "reason"],
            ["all", "4", "empty_text"],
            ["all", "45", "exact_duplicate"],
            ["all", "46", "class_too_small"],
        ]
    lost = select_labels(
        load(DataSettings(source=str(write("more.csv", [*rows, *[(f"o{i}", "X") for i in range(9)]])))),
        ["Sports", "Tech"],
    )
    assert ("unknown_label", 9) in [(found.reason, found.rows) for found in lost.dropped.reasons()]
    assert sorted(lost.dropped.line[lost.dropped.reason == 9].tolist()) == list(range(47, 56))


def test_more_dropped_rows_than_allowed_are_refused(write: Write, two_classes: list[Any]) -> None:
    path = write("rows.csv", [*two_classes, *two_classes[:10]])
    assert load(DataSettings(source=str(path), max_dropped=20)).dropped.percent == 20
    with pytest.raises(UserError, match=r"10 of 50 rows are dropped, 20.0 % where 19 are allowed: exact_duplicate: 10"):
        load(DataSettings(source=str(path), max_dropped=19))


def test_rows_of_several_files_have_their_file_and_the_line_in_it(
    write: Write, two_classes: list[Any], tmp_path: Path
) -> None:
    """A text with a line end in it stands in the first file: lines are no rows."""
    write("news/train-00000-of-00002.csv", [("two\nlines", "Tech"), ("", "Tech"), *two_classes[:20]])
    write("news/train-00001-of-00002.csv", [*two_classes[20:], ("", "Sports"), two_classes[0]])
    folder = write("news/test.csv", [*with_prefix(two_classes, "test"), ("", "Tech")]).parent
    dataset = load(DataSettings(source=str(folder)))
    first, second = (f"train-0000{number}-of-00002.csv" for number in range(2))
    assert {found.reason: found.lines for found in dataset.dropped.reasons()} == {
        "empty_text": ("test 42", f"{first} 4", f"{second} 22"),
        "exact_duplicate": (f"{second} 23",),
    }
    empty = next(found for found in dataset.report.findings if found.kind == "empty_text")
    assert [(one.split, one.row) for one in empty.examples] == [("test", 42), (first, 4), (second, 22)]
    dataset.dropped.write(tmp_path / "dropped.csv")
    with (tmp_path / "dropped.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["split", "line", "reason", "file"],
            ["test", "42", "empty_text", ""],
            ["train", "4", "empty_text", first],
            ["train", "22", "empty_text", second],
            ["train", "23", "exact_duplicate", second],
        ]
    with pytest.raises(UserError, match=r"'tech' \(1 rows, the first in test-00001-of-00002.csv, row 4\)"):
        write("more/train-00000-of-00002.csv", with_prefix(two_classes, "dev"))
        write("more/train-00001-of-00002.csv", with_prefix(two_classes, "more"))
        folder = write("more/test-00001-of-00002.csv", [("a\nb", "Tech"), ("c", "tech")]).parent
        write("more/test-00000-of-00002.csv", with_prefix(two_classes, "test"))
        load(DataSettings(source=str(folder)))
