"""A file, a folder of splits or a hub id; and what is none of them."""

from __future__ import annotations

import datasets
import pytest

from mctl.data import DataSettings, load
from mctl.errors import UserError


def with_prefix(rows, prefix):
    return [(f"{prefix} {text}", label) for text, label in rows]


@pytest.mark.parametrize("dev_name", ["dev.csv", "validation.tsv", "Valid.jsonl", "val.parquet"])
def test_a_folder_of_splits(write, two_classes, dev_name):
    write("news/train.csv", two_classes, ("Headline", "Topic"))
    write(f"news/{dev_name}", with_prefix(two_classes, "dev"))
    folder = write("news/test.parquet", with_prefix(two_classes, "test")).parent
    (folder / "README.md").write_text("not a split")
    dataset = load(DataSettings(source=str(folder)))
    assert {name: len(split) for name, split in dataset.splits.items()} == {"train": 40, "dev": 40, "test": 40}
    assert all(text.startswith("dev ") for text in dataset.splits["dev"].texts)
    assert dataset.columns == ("Headline", "Topic")
    assert dataset.cut_from_train == ()


def test_two_files_for_one_split_are_refused(write, two_classes):
    write("news/train.csv", two_classes)
    write("news/dev.csv", two_classes)
    folder = write("news/validation.csv", two_classes).parent
    with pytest.raises(UserError, match=r"dev\.csv and validation\.csv are both the dev split"):
        load(DataSettings(source=str(folder)))


def test_a_folder_without_train_is_refused_and_listed(write, two_classes):
    folder = write("news/all.csv", two_classes).parent
    with pytest.raises(UserError, match=r"no train split.*all\.csv"):
        load(DataSettings(source=str(folder)))


def test_a_split_in_a_folder_with_a_manifest_of_the_users_is_none_to_cut_in_place_of(write, two_classes):
    folder = write("news/train.csv", two_classes).parent
    write("news/splits/test.csv", [(f"test {text}", label) for text, label in two_classes])
    (folder / "splits" / "manifest.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UserError, match=r"splits/test\.csv"):
        load(DataSettings(source=str(folder)))


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ("test.txt", r"test\.txt has an ending that is none of \.csv, \.tsv"),
        ("Test.XLS", r"Test\.XLS has to be saved as \.xlsx first"),
        ("test.csv.bz2", r"test\.csv\.bz2 has an ending that is none of"),
        ("test/rows.csv", "test is a folder"),
        ("test.csv/rows.csv", r"test\.csv is a folder"),
        ("data/test.csv", r"data/test\.csv does not lie beside the others"),
        ("data/test.txt", r"data/test\.txt does not lie beside the others"),
        ("splits/test.csv", r"splits/test\.csv does not lie beside the others"),
    ],
)
def test_no_split_is_cut_in_place_of_one_that_cannot_be_read(write, two_classes, other, reason):
    folder = write("news/train.csv", two_classes).parent
    (folder / "dev.csv").write_bytes(write("dev.csv", with_prefix(two_classes, "dev")).read_bytes())
    (folder / ".test.txt").write_text("hidden")
    assert load(DataSettings(source=str(folder))).cut_from_train == ("test",)
    (folder / other).parent.mkdir(exist_ok=True)
    (folder / other).write_text("text,label\n")
    with pytest.raises(UserError, match=reason) as caught:
        load(DataSettings(source=str(folder)))
    name = other.removesuffix("/rows.csv")
    assert f'ignore = ["{name}"]' in str(caught.value.todo)
    assert load(DataSettings(source=str(folder), ignore=(name,))).cut_from_train == ("test",)
    held_out = write("held-out.csv", with_prefix(two_classes, "test"))
    assert load(DataSettings(source=str(folder), test=str(held_out))).cut_from_train == ()


def test_a_link_to_nothing_is_no_missing_split(write, two_classes):
    folder = write("news/train.csv", two_classes).parent
    (folder / "test.csv").symlink_to(folder / "moved.csv")
    with pytest.raises(UserError, match=r"test\.csv is a link to nothing"):
        load(DataSettings(source=str(folder)))


def test_another_kind_of_table_is_not_passed_over_in_silence(write, two_classes):
    """Refused while a split is cut; told where none is."""
    folder = write("news/train.csv", two_classes).parent
    for name in ("held-out.xls", "test.py"):
        (folder / name).write_bytes(b"\xd0\xcf\x11\xe0")
    with pytest.raises(UserError, match=r"test\.py has an ending that is none of"):
        load(DataSettings(source=str(folder)))
    with pytest.raises(UserError, match=r"held-out\.xls would be passed over, and dev and test cut off train"):
        load(DataSettings(source=str(folder), ignore=("test.py",)))
    (folder / "Dev.CSV").write_bytes(write("d.csv", with_prefix(two_classes, "dev")).read_bytes())
    (folder / "TEST.Csv").write_bytes(write("t.csv", with_prefix(two_classes, "test")).read_bytes())
    dataset = load(DataSettings(source=str(folder)))
    assert dataset.cut_from_train == ()
    assert [(found.kind, found.what_was_done) for found in dataset.report.findings] == [
        ("passed_over", "files that are not read: held-out.xls, test.py")
    ]


def test_a_train_split_that_cannot_be_read_is_named(write, two_classes):
    folder = write("news/test.csv", two_classes).parent
    (folder / "train").mkdir()
    with pytest.raises(UserError, match="train is a folder"):
        load(DataSettings(source=str(folder)))
    assert len(load(DataSettings(source=str(folder)), to_judge=True).splits["test"]) == 40


def test_no_source_is_refused():
    with pytest.raises(UserError, match="no data is named"):
        load(DataSettings())


@pytest.mark.parametrize("name", ["missing.csv", "some/missing.csv", "/no/such/folder", "a/b/c"])
def test_a_missing_file_is_not_looked_for_on_the_hub(name, monkeypatch):
    monkeypatch.setattr(datasets, "load_dataset", lambda *_: pytest.fail("asked the hub"))
    with pytest.raises(UserError, match="no such file or folder") as caught:
        load(DataSettings(source=name))
    assert caught.value.where == name


def test_a_device_is_not_read():
    with pytest.raises(UserError, match="not a regular file"):
        load(DataSettings(source="/dev/null"))


def test_an_unreachable_hub_says_what_to_do(monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match="reach") as caught:
        load(DataSettings(source="nobody/nothing"))
    assert caught.value.where == "nobody/nothing"
    assert "give the file or folder" in str(caught.value.todo)


def hub_data_set(texts, labels):
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["Tech", "Auto"])}
    )
    return datasets.Dataset.from_dict({"text": texts, "label": labels}, features=features)


def test_splits_and_class_names_of_a_hub_data_set(monkeypatch):
    loaded = datasets.DatasetDict(
        train=hub_data_set([f"t{i}" for i in range(40)], [i % 2 for i in range(40)]),
        validation=hub_data_set([f"v{i}" for i in range(10)], [i % 2 for i in range(10)]),
        test=hub_data_set([f"u{i}" for i in range(10)], [-1] * 10),
        unsupervised=hub_data_set(["w"], [-1]),
    )
    monkeypatch.setattr(datasets, "load_dataset", lambda hub_id: {"user/news": loaded}[hub_id])
    with pytest.raises(UserError, match="10 of 10 rows of the test split are dropped: missing_label: 10 rows"):
        load(DataSettings(source="user/news"))
    with pytest.raises(UserError, match="unsupervised would be passed over, and test cut off train"):
        load(DataSettings(source="user/news", ignore=("test",)))
    dataset = load(DataSettings(source="user/news", ignore=("test", "unsupervised")))
    assert dataset.class_names == ("Auto", "Tech")
    assert set(dataset.splits["dev"].texts) == {f"v{i}" for i in range(10)}
    assert dict(dataset.splits["dev"])["v1"] == "Auto"
    assert dataset.cut_from_train == ("test",)
    assert dataset.report.rows_read == {"train": 40, "dev": 10}
