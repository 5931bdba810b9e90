"""Labels of the data as a stage numbers them: by the names that the model knows."""

from __future__ import annotations

import shutil
from pathlib import Path

import openpyxl
import pytest

from mctl.data import DataSettings
from mctl.errors import UserError
from mctl.pipeline.dataset import load_judging_data, load_stage_data
from mctl.progress import Silent


def rows(path: Path, *labels: str) -> Path:
    lines = [f"{label} text {number},{label}" for label in labels for number in range(20)]
    path.write_text("\n".join(["text,label", *lines]) + "\n")
    return path


@pytest.mark.parametrize("labels", [("sports", "Tech"), ("sports", "Sports", "Tech")])
def test_labels_that_the_model_spells_in_another_case_are_refused_or_told(
    tmp_path: Path, labels: tuple[str, ...]
) -> None:
    settings = DataSettings(source=str(rows(tmp_path / "rows.csv", *labels)))
    with pytest.raises(UserError, match=r"'sports' \(20 rows\) for 'Sports'") as caught:
        load_stage_data(settings, Silent(), ("Tech", "Sports"))
    assert caught.value.where == settings.source
    folding = settings.model_copy(update={"label_spelling": "fold"})
    data = load_stage_data(folding, Silent(), ("Tech", "Sports"))
    (found,) = [one for one in data.dataset.report.findings if one.kind == "labels_respelled"]
    assert (found.count, found.what_was_done) == (20, "spelled as the teacher does: 'sports' is 'Sports'")
    train = data.splits["train"]
    assert {
        (text.split()[0].casefold(), int(label)) for text, label in zip(train.texts, train.labels, strict=True)
    } == {
        ("sports", 1),
        ("tech", 0),
    }


def test_numbers_with_decimals_are_the_model_s_and_told(tmp_path: Path) -> None:
    settings = DataSettings(source=str(rows(tmp_path / "rows.csv", "0.0", "1.0")))
    data = load_stage_data(settings, Silent(), ("0", "1"))
    assert [found.what_was_done for found in data.dataset.report.findings] == [
        "spelled as the teacher does: '0.0' is '0', '1.0' is '1'"
    ]


def test_rows_of_unknown_labels_count_among_those_that_may_be_dropped(tmp_path: Path) -> None:
    path = rows(tmp_path / "rows.csv", "Sports", "Tech", "Travel", "Crime")
    dropping = DataSettings(source=str(path), unknown_labels="drop", max_dropped=50)
    assert load_stage_data(dropping, Silent(), ("Sports", "Tech")).dataset.dropped.percent == 50
    with pytest.raises(UserError, match=r"40 of 80 rows are dropped, 50.0 % where 49 are allowed: unknown_label: 40"):
        load_stage_data(dropping.model_copy(update={"max_dropped": 49}), Silent(), ("Sports", "Tech"))


@pytest.mark.parametrize("name", ["dev", "test"])
def test_a_given_split_does_not_shrink_to_less_than_half_by_unknown_labels(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "news"
    folder.mkdir()
    rows(folder / "train.csv", "Sports", "Tech", "Travel")
    held_out = [f"held out {number},{label}" for label in ("Sports", "Tech") for number in (label, label * 2)]
    held_out += [f"held out {number},Travel" for number in range(2, 9)]
    (folder / f"{name}.csv").write_text("\n".join(["text,label", *held_out]) + "\n")
    settings = DataSettings(source=str(folder), unknown_labels="drop")
    with pytest.raises(UserError, match=f"7 of 11 rows of the {name} split are dropped: unknown_label: 7 rows"):
        load_stage_data(settings, Silent(), ("Sports", "Tech"))
    allowed = settings.model_copy(update={"max_dropped": 90})
    assert len(load_stage_data(allowed, Silent(), ("Sports", "Tech")).splits[name].texts) == 4


@pytest.mark.parametrize("copied", [False, True])
def test_the_data_of_a_training_are_read_as_in_training(tmp_path: Path, copied: bool) -> None:
    book = openpyxl.Workbook()
    for name in ("first", "second"):
        sheet = book.create_sheet(name)
        sheet.append(["text", "label", "body"])
        for number in range(40):
            sheet.append([f"{name} text {number}", ("Sports", "Tech")[number % 2], f"{name} body {number}"])
    del book["Sheet"]
    path = tmp_path / "book.xlsx"
    book.save(path)
    made_from = DataSettings(source=str(path), sheet="second", text="body", seed=7, dev=0.2, limit=15, test=0.3)
    trained = load_stage_data(made_from, Silent())
    sha256, classes = trained.dataset.sha256, trained.class_names
    path = Path(shutil.copy(path, tmp_path / "copy.xlsx")) if copied else path
    judged = load_judging_data(DataSettings(source=str(path)), made_from, sha256, Silent(), classes)
    assert judged.dataset.sha256 == sha256
    assert set(judged.splits["test"].texts) == set(trained.splits["test"].texts)
    # What the user says beside the file holds.
    said = DataSettings(source=str(path), sheet="first", text="body")
    other = load_judging_data(said, made_from, sha256, Silent(), classes)
    assert all(text.startswith("first body") for text in other.splits["test"].texts)
