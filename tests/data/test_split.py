"""Splits are stratified, seeded, complete, and do not depend on the order of the rows."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mctl.data import Dataset, DataSettings, load
from mctl.data.clean import clean
from mctl.data.dataset import Columns, Split, SplitName
from mctl.data.facts import collect, digests
from mctl.data.fingerprint import fingerprint
from mctl.data.rows import Rows, RowSource
from mctl.data.split import cut, cut_sizes
from mctl.errors import UserError


def rows_of(dataset: Dataset) -> dict[str, list[tuple[str, str]]]:
    return {name: list(split) for name, split in dataset.splits.items()}


@pytest.fixture
def uneven() -> list[tuple[str, str]]:
    sizes = {"A": 100, "B": 40, "C": 5}
    return [(f"{label} {i}", label) for label, size in sizes.items() for i in range(size)]


def test_one_file_is_cut_70_10_20_in_every_class(write, uneven):
    dataset = load(DataSettings(source=str(write("rows.csv", uneven))))
    assert dataset.rows_per_split_and_class() == {
        "train": {"A": 70, "B": 28, "C": 3},
        "dev": {"A": 10, "B": 4, "C": 1},
        "test": {"A": 20, "B": 8, "C": 1},
    }
    assert dataset.cut_from_train == ("dev", "test")
    assert sorted(row for split in rows_of(dataset).values() for row in split) == sorted(uneven)


def test_the_order_of_the_rows_does_not_matter_and_the_seed_does(write, uneven):
    shuffled = random.Random(1).sample(uneven, len(uneven))
    first = load(DataSettings(source=str(write("a.csv", uneven))))
    second = load(DataSettings(source=str(write("b.csv", shuffled))))
    other_seed = load(DataSettings(source=str(write("a.csv", uneven)), seed=7))
    assert rows_of(first) == rows_of(second)
    assert first.sha256 == second.sha256
    assert set(other_seed.splits["test"].texts) != set(first.splits["test"].texts)
    assert other_seed.sha256 != first.sha256


def one_row_each(train: tuple[str, str], dev: tuple[str, str]) -> dict[SplitName, Split]:
    return {"train": Split.of([train]), "dev": Split.of([dev]), "test": Split.of([("t", "A")])}


def test_the_fingerprint_notices_texts_labels_and_splits_but_not_order():
    first, second = ("one", "A"), ("two", "B")
    variants = [
        one_row_each(first, second),
        one_row_each(second, first),
        one_row_each(("one", "B"), second),
        one_row_each(("One", "A"), second),
    ]
    assert len({fingerprint(splits) for splits in variants}) == len(variants)
    ordered = variants[0] | {"train": Split.of([("one", "A"), ("two", "B")])}
    reversed_ = variants[0] | {"train": Split.of([("two", "B"), ("one", "A")])}
    assert fingerprint(ordered) == fingerprint(reversed_)


def test_only_the_missing_split_is_cut(write, uneven):
    write("news/train.csv", uneven)
    folder = write("news/test.csv", [(f"{label} test {i}", label) for label in "ABC" for i in range(4)]).parent
    dataset = load(DataSettings(source=str(folder)))
    assert dataset.cut_from_train == ("dev",)
    assert len(dataset.splits["test"]) == 12
    assert dataset.rows_per_split_and_class()["dev"] == {"A": 10, "B": 4, "C": 1}


def test_no_test_split_is_cut_in_place_of_a_given_one_without_labels(write, uneven):
    write("news/train.csv", uneven)
    folder = write("news/test.csv", [("unlabelled", "")]).parent
    with pytest.raises(UserError, match=r"1 of 1 rows of the test split are dropped: missing_label: 1 rows \(test 2\)"):
        load(DataSettings(source=str(folder)))
    dataset = load(DataSettings(source=str(folder), ignore=("test.csv",)))
    assert dataset.cut_from_train == ("dev", "test")


def test_a_class_that_test_lacks_is_reported(write, uneven):
    write("news/train.csv", uneven)
    folder = write("news/test.csv", [(f"{label} test", label) for label in "AB"]).parent
    (finding,) = load(DataSettings(source=str(folder))).report.findings
    assert finding.kind == "class_not_evaluated"
    assert finding.what_was_done.endswith("test lacks: C")


@example(rows=3, dev=0.3, test=0.6)
@given(st.integers(1, 300), st.floats(0, 0.9), st.floats(0, 0.9))
def test_cut_sizes_keep_a_row_for_train_and_follow_the_shares(rows, dev, test):
    if dev + test >= 0.95:
        return
    n_dev, n_test = cut_sizes(rows, dev, test)
    assert n_dev >= 0
    assert n_test >= 0
    assert rows - n_dev - n_test >= 1
    assert (n_dev == 0) if dev == 0 else (n_dev >= 1 or rows <= 2)
    assert (n_test == 0) if test == 0 else (n_test >= 1 or rows == 1)
    if rows * (1 - dev - test) >= 2:
        assert abs(n_dev - rows * dev) <= 1
        assert abs(n_test - rows * test) <= 1


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(st.sampled_from("ABCD"), st.integers(1, 40), min_size=1), st.integers(4, 60), st.integers(0, 9))
def test_a_limit_covers_every_class_and_keeps_the_proportions(sizes, limit, seed):
    names = Columns("text", "label")

    def given_split(prefix: str, rows_per_class: dict[str, int]) -> RowSource:
        pairs = [(f"{prefix} {label} {i}", label) for label, size in rows_per_class.items() for i in range(size)]
        rows = Rows([text for text, _ in pairs], [label for _, label in pairs], range(len(pairs)))
        return RowSource(names, iter([rows]))

    once = dict.fromkeys(sizes, 1)
    source = {"train": given_split("r", sizes), "dev": given_split("d", once), "test": given_split("t", once)}
    options = DataSettings(min_texts_per_class=1, limit=limit, seed=seed)
    facts = collect(source, seed)
    train = cut(facts, clean(facts, options)[0], options)[0]["train"]
    total = sum(sizes.values())
    assert len(train) == min(limit, total)
    kept = Counter(facts.labels[number] for number in facts.records["label"][train])
    assert set(kept) == set(sizes)
    assert all(abs(kept[label] - len(train) * size / total) <= len(sizes) for label, size in sizes.items())


def test_a_limit_below_the_number_of_classes_is_refused(write, uneven):
    with pytest.raises(UserError, match="2 rows cannot cover 3 classes"):
        load(DataSettings(source=str(write("rows.csv", uneven)), limit=2))


def test_nothing_to_test_on_is_refused(write):
    path = write("rows.csv", [("one", "A"), ("two", "B")])
    with pytest.raises(UserError, match="split is empty"):
        load(DataSettings(source=str(path), min_texts_per_class=1))


@pytest.mark.parametrize(
    "wrong", [{"test": 0.6, "dev": 0.4}, {"test": 0}, {"dev": 1.0}, {"limit": 0}, {"colour": "red"}]
)
def test_settings_that_cannot_work_are_refused(wrong):
    with pytest.raises(ValidationError):
        DataSettings.model_validate(wrong)


def test_hashes_depend_on_text_and_seed_alone():
    assert digests([b"a", b"b"], 1).tolist() == [digests([b"a"], 1)[0], digests([b"b"], 1)[0]]
    assert len({*digests([b"a", b"b"], 1).tolist(), *digests([b"a", b"b"], 2).tolist()}) == 4
