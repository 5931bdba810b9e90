"""Real, dirty data that lies beside the repository on some machines and is never part of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mctl.data import DataSettings, load

FOLDER = Path(__file__).parents[3] / "shared" / "data" / "mahanews"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the MahaNews samples are not beside this checkout")


def test_headlines():
    dataset = load(DataSettings(source=str(FOLDER / "shc_train.csv")))
    assert len(dataset.class_names) == 12
    assert dataset.report.rows_read == {"all": 2761}
    assert dataset.report.rows_kept == {"all": 2386}
    assert {f.kind: f.count for f in dataset.report.findings} == {
        "header_row": 11,
        "conflicting_labels": 38,
        "exact_duplicate": 326,
    }
    assert {name: len(split) for name, split in dataset.splits.items()} == {"train": 1670, "dev": 239, "test": 477}


def test_paragraphs_of_a_class_too_small_and_a_text_in_both_splits(tmp_path):
    for split in ("train", "test"):
        (tmp_path / f"{split}.csv").symlink_to(FOLDER / f"lpc_{split}.csv")
    dataset = load(DataSettings(source=str(tmp_path), min_texts_per_class=60))
    found = {f.kind: f for f in dataset.report.findings}
    assert found["header_row"].count == 22
    assert found["empty_text"].count == 431
    assert found["shared_between_splits"].count == 191
    assert "Fashion" in found["class_too_small"].what_was_done
    assert not set(dataset.splits["train"].texts) & set(dataset.splits["test"].texts)
