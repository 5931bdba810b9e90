"""Rows are read a few at a time, and nothing of the result depends on how many."""

from __future__ import annotations

import csv
import json
import random
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mctl.data import Dataset, DataSettings, report_as_dict
from mctl.data.loading import load_dataset
from mctl.errors import UserError
from mctl.samples import headlines

AT_ONCE = 1_000_000
NUKTA_COMPOSED, NUKTA_APART = "\u0958ानून", "\u0915\u093cानून"


def everything(dataset: Dataset) -> dict[str, Any]:
    """What a data set says of itself, ready to be compared."""
    return {
        "class_names": dataset.class_names,
        "rows": {name: list(split) for name, split in dataset.splits.items()},
        "labels": {name: list(split.labels) for name, split in dataset.splits.items()},
        "counts": dataset.rows_per_split_and_class(),
        "cut_from_train": dataset.cut_from_train,
        "columns": dataset.columns,
        "report": report_as_dict(dataset.report),
        "sha256": dataset.sha256,
    }


def outcome(path: Path, chunk_rows: int, **options: object) -> dict[str, Any] | str:
    """The data set, or the refusal."""
    try:
        return everything(
            load_dataset(DataSettings.model_validate({"source": str(path), **options}), chunk_rows=chunk_rows)
        )
    except UserError as error:
        return str(error)


def write(path: Path, rows: list[tuple[str, str]]) -> None:
    if path.suffix == ".parquet":
        table = pa.table({"text": [text for text, _ in rows], "label": [label for _, label in rows]})
        pq.write_table(table, path, row_group_size=11)
    elif path.suffix == ".jsonl":
        # A blank line here and there: numbers of lines are not numbers of rows.
        lines = (
            json.dumps({"text": text, "label": label}) + "\n" * (1 + number % 3)
            for number, (text, label) in enumerate(rows)
        )
        path.write_text("".join(lines))
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("text", "label"), *rows])


def dirty_rows(seed: int) -> list[tuple[str, str]]:
    """Headlines with copies, respelled copies, conflicts, empty texts, missing labels, headers and small classes."""
    rng = random.Random(seed)
    rows = headlines(seed, 150)
    rows += [rng.choice(rows) for _ in range(12)]
    rows += [(f" {text.replace(' ', '  ')}\u200b", label) for text, label in rng.sample(rows, 12)]
    rows += [(text, rng.choice("XY")) for text, _ in rng.sample(rows, 6)]
    rows += [(NUKTA_COMPOSED, "Sports"), (NUKTA_APART, "Sports"), ("two\nlines", "Sports"), ("", "Sports")]
    rows += [("no label", ""), ("text", "label"), ("", "Vanished"), ("one", "Rare"), ("two", "sports")] * 2
    rng.shuffle(rows)
    return rows


@settings(deadline=None, max_examples=12)
@given(
    seed=st.integers(0, 1000),
    chunk_rows=st.integers(1, 40),
    ending=st.sampled_from([".csv", ".jsonl", ".parquet"]),
    conflicts=st.sampled_from(["drop", "first"]),
    limit=st.sampled_from([None, 20]),
)
def test_any_chunk_gives_the_same_data_set(
    seed: int, chunk_rows: int, ending: str, conflicts: str, limit: int | None
) -> None:
    options = {"conflicts": conflicts, "limit": limit, "min_texts_per_class": 2, "seed": seed}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"rows{ending}")
        write(path, dirty_rows(seed))
        at_once = outcome(path, AT_ONCE, **options)
        assert outcome(path, chunk_rows, **options) == at_once
    assert isinstance(at_once, dict)
    kinds = {finding["kind"] for finding in at_once["report"]["findings"]}
    assert kinds >= {"header_row", "empty_text", "missing_label", "conflicting_labels", "exact_duplicate"}


def test_chunks_of_a_folder_of_splits(tmp_path: Path) -> None:
    write(tmp_path / "train.csv", dirty_rows(1))
    write(tmp_path / "dev.jsonl", dirty_rows(2)[:60] + dirty_rows(1)[:20])
    write(tmp_path / "test.parquet", dirty_rows(3)[:60] + dirty_rows(1)[20:40])
    at_once = outcome(tmp_path, AT_ONCE)
    assert isinstance(at_once, dict)
    assert any(finding["kind"] == "shared_between_splits" for finding in at_once["report"]["findings"])
    assert [outcome(tmp_path, chunk_rows) for chunk_rows in (1, 7)] == [at_once, at_once]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "text,label\n" + "fine,A\n" * 9 + "not, fine,A\n"),
        ("a.csv", "text,label\n" + "fine,A\n" * 9 + '"open,A\n'),
        ("a.csv", "text,label\n" + "fine,A\n" * 9),
        ("a.jsonl", '{"text": "t", "label": "x"}\n' * 9 + '{"text": ["t"], "label": "x"}\n'),
        ("a.jsonl", '{"text": "t", "label": "x"}\n' * 9 + "oops\n"),
    ],
)
def test_chunks_are_refused_in_the_same_words(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    at_once = outcome(path, AT_ONCE)
    assert isinstance(at_once, str)
    assert [outcome(path, chunk_rows) for chunk_rows in (1, 4)] == [at_once, at_once]


def test_data_sets_are_what_they_were_when_they_were_read_at_once(tmp_path: Path) -> None:
    """Stage keys and resumed runs hang on the fingerprint and on the order of the rows: these are from version 0.1."""
    write(tmp_path / "rows.csv", dirty_rows(5))
    found = outcome(tmp_path / "rows.csv", 7, min_texts_per_class=2)
    assert isinstance(found, dict)
    assert found["sha256"] == "3afab9f7316e00af639a19c79d96d50c34a70dc6e7e345a98a9bb45790493a1f"
    assert [len(found["rows"][name]) for name in ("train", "dev", "test")] == [103, 14, 29]
    assert found["rows"]["train"][0] == ("अभिनेत्री तन्वी खेळाडूच्या भूमिकेत", "Entertainment")
    assert {finding["kind"]: finding["count"] for finding in found["report"]["findings"]} == {
        "header_row": 2,
        "empty_text": 3,
        "missing_label": 2,
        "conflicting_labels": 13,
        "exact_duplicate": 13,
        "normalised_duplicate": 13,
        "class_vanished": 8,
        "class_too_small": 2,
    }
