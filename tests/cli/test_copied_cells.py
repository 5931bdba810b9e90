"""The columns of a table that `mctl predict` labels are copied as they were written."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command import mctl

TEACHER = Path(__file__).resolve().parents[1] / "fixtures" / "0.1.0" / "artifacts" / "teacher"
NUMBERS = ["12345678901234567890.123", "1e999", "-0", "-0.0", "1.10", "1E5", "123456789012345678901234567890", "7"]


def predicted(path: Path, *flags: object) -> str:
    ran = mctl("predict", path, "--artifact", TEACHER, "--quiet", *flags, cwd=path.parent)
    assert ran.code == 0, ran.err
    return ran.out


@pytest.mark.parametrize(("ending", "separator"), [("csv", ","), ("tsv", "\t")])
def test_the_null_of_mysql_is_copied_and_no_text(tmp_path: Path, ending: str, separator: str) -> None:
    path = tmp_path / f"few.{ending}"
    given = [["text", "note", "label"], ["xyz", r"\N", r"\N"], [r"\N", "a", ""], ["", r"\N", ""]]
    path.write_text("".join(separator.join(row) + "\n" for row in given), encoding="utf-8")
    found = list(csv.reader(io.StringIO(predicted(path)), delimiter=separator))
    assert [row[:3] for row in found] == given
    assert found[2][3:] == found[3][3:] != found[1][3:], "as text, it is as empty as an empty one"
    as_json = [json.loads(line) for line in predicted(path, "--json").splitlines()]
    assert [[row["text"], row["note"]] for row in as_json] == [row[:2] for row in given[1:]]


@pytest.mark.parametrize("ending", ["jsonl", "json", "columns.json"])
def test_numbers_keep_their_digits(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"few.{ending}"
    rows = [f'{{"text": "t{place}", "n": {number}, "in": [{number}]}}' for place, number in enumerate(NUMBERS)]
    if ending == "jsonl":
        content = "\n".join(rows)
    elif ending == "json":
        content = f"[{','.join(rows)}]"
    else:
        texts = ", ".join(f'"t{place}"' for place in range(len(NUMBERS)))
        nested = ", ".join(f"[{number}]" for number in NUMBERS)
        content = f'{{"text": [{texts}],\n"n": [{", ".join(NUMBERS)}], "in": [{nested}]}}'
    path.write_text(content, encoding="utf-8")
    lines = predicted(path).splitlines()
    for place, (number, line) in enumerate(zip(NUMBERS, lines, strict=True)):
        assert line.startswith(f'{{"text": "t{place}", "n": {number}, "in": [{number}], "label": '), line
    predicted(path, "--output", tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        found = list(csv.reader(file))[1:]
    assert [row[1:3] for row in found] == [[number, f"[{number}]"] for number in NUMBERS]


def test_a_number_is_the_same_text_for_the_model_as_in_training(tmp_path: Path) -> None:
    path = tmp_path / "few.jsonl"
    path.write_text('{"text": 3.0}\n{"text": "3"}\n{"text": 1.10}\n{"text": "1.1"}\n', encoding="utf-8")
    rows = [json.loads(line) for line in predicted(path).splitlines()]
    assert rows[0]["probability"] == rows[1]["probability"] and rows[2]["probability"] == rows[3]["probability"]


def test_what_is_nested_is_json_in_a_table_of_fields(tmp_path: Path) -> None:
    path, out = tmp_path / "few.jsonl", tmp_path / "out.csv"
    given = {"text": "a", "deep": {"b": None, "c": ["पाऊस", True]}, "yes": True, "no": False, "none": None, "s": "[x]"}
    path.write_text(json.dumps(given), encoding="utf-8")
    predicted(path, "--output", out)
    with out.open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["deep"] == '{"b":null,"c":["पाऊस",true]}'
    assert [row[name] for name in ("yes", "no", "none", "s")] == ["true", "false", "", "[x]"]


def test_json_has_no_word_that_json_has_not(tmp_path: Path) -> None:
    path, out = tmp_path / "few.parquet", tmp_path / "out.jsonl"
    table = {"text": ["a", "b", "c"], "n": [float("nan"), float("inf"), 0.5], "p": [{"q": 1.5}, None, {"q": 2.0}]}
    pq.write_table(pa.table(table), path)
    predicted(path, "--output", out)

    def refuse(word: str) -> object:
        raise AssertionError(word)

    rows = [json.loads(line, parse_constant=refuse) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [row["n"] for row in rows] == [None, "inf", 0.5]
    assert [row["p"] for row in rows] == [{"q": 1.5}, None, {"q": 2.0}]


@pytest.mark.parametrize("ending", ["jsonl", "csv"])
def test_half_a_pair_of_surrogates_is_written_as_json_escapes_it(tmp_path: Path, ending: str) -> None:
    path, out = tmp_path / "few.jsonl", tmp_path / f"out.{ending}"
    path.write_text(r'{"text": "a", "note": "x \ud83d y"}', encoding="utf-8")
    predicted(path, "--output", out)
    assert r"x \ud83d y" in out.read_text(encoding="utf-8")


def test_what_is_nested_too_deep_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "few.jsonl"
    path.write_text(f'{{"text": "a", "n": {"[" * 900}{"]" * 900}}}\n', encoding="utf-8")
    ran = mctl("predict", path, "--artifact", TEACHER, cwd=tmp_path)
    assert ran.code == 0 or (ran.code == 2 and "nested" in ran.err), ran.err
    assert "Traceback" not in ran.err
