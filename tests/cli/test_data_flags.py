"""What commands say and keep of the data: --test, --max-dropped, dropped.csv, and a held-out file that judges."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from command import mctl
from refusal import Refused

from mctl.artifact import load_artifact
from mctl.samples import headlines, write_csv

QUICK = ("--max-length", 8, "--epochs", 1)


def test_a_test_file_and_dropped_rows_from_flags_to_the_card(copy_of_sample: Path) -> None:
    write_csv(copy_of_sample / "held-out.csv", headlines(11, 60))
    with (copy_of_sample / "news.csv").open(encoding="utf-8") as file:
        rows = list(csv.reader(file))
    with (copy_of_sample / "news.csv").open("a", encoding="utf-8") as file:
        file.writelines(",Sports,true\n" for _ in range(40))
    ran = mctl("finetune", "--test", "held-out.csv", *QUICK, cwd=copy_of_sample)
    assert ran.code == 0, ran.err
    artifact = load_artifact(copy_of_sample / "artifacts" / "teacher")
    data = artifact.manifest.data
    assert artifact.manifest.recipe["data"]["test"] == "held-out.csv"
    empty = next(found for found in data["dropped"]["reasons"] if found["reason"] == "empty_text")
    lines = [str(len(rows) + 1 + at) for at in range(40)]
    assert empty["rows"] == 40
    assert empty["lines"] == [f"all {line}" for line in lines[:5]]
    assert "dropped.csv" in artifact.manifest.files
    with (artifact.folder / "dropped.csv").open(newline="") as file:
        listed = list(csv.DictReader(file))
    assert [row["line"] for row in listed if row["reason"] == "empty_text"] == lines
    assert len(listed) == data["dropped"]["rows"]
    card = (artifact.folder / "README.md").read_text(encoding="utf-8")
    assert "## Rows dropped" in card
    assert "| empty\\_text | 40 |" in card
    table = next(line for line in ran.err.splitlines() if line.startswith("data: empty_text"))
    assert f"all {lines[0]}, all {lines[1]}" in table
    said = f"data: {data['dropped']['rows']} of {data['dropped']['of']} rows are dropped ("
    assert ran.err.splitlines()[-1].startswith(said), "more than 5 % is said once more, at the end"


def test_too_many_dropped_rows_are_refused_by_flag(copy_of_sample: Path, refused: Refused) -> None:
    with (copy_of_sample / "news.csv").open("a", encoding="utf-8") as file:
        file.writelines(",Sports,true\n" for _ in range(40))
    words = ["rows are dropped", "% where 5 are allowed", "empty_text: 40 rows", "--max-dropped"]
    refused("finetune", "--max-dropped", 5, *QUICK, cwd=copy_of_sample, words=words)


def test_an_empty_variable_is_not_the_working_folder(copy_of_sample: Path, refused: Refused) -> None:
    refused("finetune", "--data", "", cwd=copy_of_sample, words=["the name of the data is empty", "--data"])


def test_a_held_out_file_judges_as_a_whole_and_a_copy_of_the_data_as_their_test_split(copy_of_chain: Path) -> None:
    """A file of few texts in few classes cannot be split, and need not be."""
    write_csv(copy_of_chain / "held-out.csv", headlines(11, 30))
    (copy_of_chain / "copy.csv").write_bytes((copy_of_chain / "news.csv").read_bytes())
    recorded = load_artifact(copy_of_chain / "artifacts" / "teacher").manifest.data["rows"]
    for name, rows in (("held-out.csv", {"train": 0, "dev": 0, "test": 30}), ("copy.csv", recorded)):
        ran = mctl("validate", "--data", name, "--no-emissions", "--json", cwd=copy_of_chain)
        assert ran.code in (0, 1, 3), ran.err
        found = json.loads(ran.out)["data"]
        assert {split: abs(count - rows[split]) <= 3 for split, count in found["rows"].items()} == dict.fromkeys(
            rows, True
        )
        assert (found["rows"]["train"] == 0) == (name == "held-out.csv")
