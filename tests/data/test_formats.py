"""Formats and dialects beside plain CSV, JSONL and Parquet, and what is refused of them."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import openpyxl
import pytest

from mctl.data import Dataset, DataSettings, content, load
from mctl.data.read import read_table
from mctl.data.table import Dialect
from mctl.errors import UserError

ROWS = [(f"बातमी, क्रमांक {number}", "Sports" if number % 2 else "Health") for number in range(20)]
OBJECTS = [{"text": text, "label": label} for text, label in ROWS]


def load_path(path: Path, **settings: object) -> Dataset:
    return load(DataSettings.model_validate({"source": str(path), **settings}))


def separated(separator: str, header: str | None = None, end: str = "") -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator, lineterminator=f"{end}\n")
    writer.writerows(ROWS)
    return f"{header or separator.join(('text', 'label'))}\n{text.getvalue()}"


def zipped(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


@pytest.fixture
def expected(tmp_path: Path) -> str:
    path = tmp_path / "expected.jsonl"
    path.write_text("\n".join(map(json.dumps, OBJECTS)))
    return load_path(path).sha256


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("semicolon.csv", separated(";").encode()),
        ("tab.csv", separated("\t").encode()),
        ("sep.csv", ("sep=;\n" + separated(";")).encode("utf-8-sig")),
        ("trailing.csv", separated(",", end=",").encode()),
        ("brackets.csv", separated(",", header="[text],[label]").encode()),
        ("unicode.tsv", separated("\t").encode("utf-16")),
        ("big-endian.csv", b"\xfe\xff" + separated(",").encode("utf-16-be")),
        ("rows.csv.gz", gzip.compress(separated(",").encode())),
        ("rows.jsonl.gz", gzip.compress("\n".join(map(json.dumps, OBJECTS)).encode())),
        ("rows.zip", zipped({"in/rows.tsv": separated("\t"), "__MACOSX/in/._rows.tsv": "x", "in/.DS_Store": "x"})),
        ("array.json", json.dumps(OBJECTS, indent=1).encode("utf-8-sig")),
        ("lines.json", "\n".join(map(json.dumps, OBJECTS)).encode()),
        ("lists.json", json.dumps({name: [row[name] for row in OBJECTS] for name in ("text", "label")}).encode()),
        (
            "columns.json",
            json.dumps({name: {str(i): row[name] for i, row in enumerate(OBJECTS)} for name in OBJECTS[0]}).encode(),
        ),
    ],
)
def test_each_is_read_like_the_rest(tmp_path: Path, expected: str, name: str, written: bytes) -> None:
    (tmp_path / name).write_bytes(written)
    assert load_path(tmp_path / name).sha256 == expected


def workbook(path: Path, sheets: dict[str, list[list[Any]]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def test_a_workbook_is_read_by_its_first_sheet_or_the_one_that_is_named(tmp_path: Path, expected: str) -> None:
    good = [["text", "label"], *map(list, ROWS)]
    path = workbook(tmp_path / "rows.xlsx", {"notes": [["nothing"]], "Data": good})
    assert load_path(path, sheet="Data").sha256 == expected
    first = load_path(workbook(tmp_path / "first.xlsx", {"Data": good, "notes": [["x"]], "empty": []}))
    assert first.sha256 == expected
    (found,) = first.report.findings
    assert (found.kind, found.what_was_done[-5:]) == ("passed_over", "notes")
    with pytest.raises(UserError, match=r"there is no sheet 'data'.*'notes', 'Data'"):
        load_path(path, sheet="data")


def test_rows_of_a_workbook_are_numbered_as_a_spreadsheet_does(tmp_path: Path) -> None:
    rows: list[list[Any]] = [["text", "label"], [None, "A"], [None, None], *([f"t{i}", i % 2] for i in range(20))]
    dataset = load_path(workbook(tmp_path / "rows.xlsx", {"Data": rows}))
    assert dataset.class_names == ("0", "1")
    assert [(found.reason, found.lines) for found in dataset.dropped.reasons()] == [("empty_text", ("2", "3"))]
    rows.append(["t", "1", "beyond"])
    with pytest.raises(UserError, match="to the right of the 2 columns") as caught:
        load_path(workbook(tmp_path / "wide.xlsx", {"Data": rows}))
    assert str(caught.value.where).endswith("row 24")


@pytest.mark.parametrize(
    ("name", "written", "words"),
    [
        ("two.zip", zipped({"a.csv": "x", "b.csv": "y"}), "holds 2 files: 'a.csv', 'b.csv'"),
        ("none.zip", zipped({".DS_Store": "x"}), "holds no file"),
        ("odd.zip", zipped({"a.doc": "x"}), "the ending '.doc' is not one of"),
        ("bad.zip", b"PK\x03\x04" + bytes(60), "the archive is damaged"),
        ("cut.csv.gz", gzip.compress(separated(",").encode())[:-9], "the archive is damaged"),
        ("a.csv", "text;label\tx\n", "it is not plain which separates the columns"),
        ("a.csv", "text,label,date\nfine,A,1\nnot,A\n", "2 fields where the rows before have 3"),
        ("a.csv", "text,label\n1,fine,A\n", "3 fields where the rows before have 2"),
        ("a.csv", "text,label\nfine,A\nfine,A,\n", "3 fields where the rows before have 2"),
        ("a.json", '[{"text": "t", "label": "x"}, 3]', "row 2: a JSON int instead of an object"),
        ("a.json", '[{"text": "t", "label": "x"}', "row 1: is not JSON: a comma or ] is missing after it"),
        ("a.json", '[{"text": "t", "label": "x"}] []', "more follows after the array"),
        ("a.json", '{"text": ["t"], "label": []}', "neither an array of objects nor an object of equal columns"),
        ("a.xlsx", zipped({"a": "b"}), "is not an Excel workbook"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path: Path, name: str, written: bytes | str, words: str) -> None:
    path = tmp_path / name
    path.write_bytes(written.encode() if isinstance(written, str) else written)
    with pytest.raises(UserError) as caught:
        load_path(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", ["bomb.csv.gz", "bomb.zip"])
def test_an_archive_that_would_fill_the_disk_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(content, "_ALWAYS_ALLOWED_BYTES", 1 << 20)
    path, text = tmp_path / name, separated(",") + "x" * (4 << 20)
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(text.encode()))
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.csv", text)
    with pytest.raises(UserError, match="unpacks into more than 1,048,576 bytes"):
        load_path(path)


def test_mysql_escapes_are_read_where_the_setting_says_so(tmp_path: Path) -> None:
    path = tmp_path / "rows.tsv"
    path.write_text("text\tlabel\n" + "".join(f'"t{i}\\\ta\\nb\\\\c\\\nd\tA{i % 2}\n' for i in range(20)) + "x\t\\N\n")
    dataset = load_path(path, quotes="backslash")
    assert '"t3 a b\\c d' in set(dataset.splits["train"].texts) | set(dataset.splits["test"].texts) | set(
        dataset.splits["dev"].texts
    )
    assert [(found.reason, found.lines) for found in dataset.dropped.reasons()] == [("missing_label", ("42",))]


def test_a_null_of_mysql_is_no_label(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("text,label\n" + "".join(f"t{i},A{i % 2}\n" for i in range(20)) + "x,\\N\n")
    assert [found.reason for found in load_path(path).dropped.reasons()] == ["missing_label"]


@pytest.mark.parametrize("splits", [False, True])
def test_folders_of_save_to_disk(tmp_path: Path, expected: str, splits: bool) -> None:
    data = datasets.Dataset.from_list(OBJECTS)
    (datasets.DatasetDict(train=data) if splits else data).save_to_disk(str(tmp_path / "saved"))
    assert load_path(tmp_path / "saved").sha256 == expected
    next((tmp_path / "saved").rglob("*.arrow")).write_bytes(b"no")
    with pytest.raises(UserError, match="`save_to_disk` wrote, and that cannot be loaded"):
        load_path(tmp_path / "saved")


def test_shards_and_the_layout_of_the_hub(tmp_path: Path, expected: str) -> None:
    folder = tmp_path / "repo" / "data"
    folder.mkdir(parents=True)
    (tmp_path / "repo" / "README.md").write_text("a card")
    for number in range(2):
        part = datasets.Dataset.from_list(OBJECTS[number * 8 : 20 if number else 8])
        part.to_parquet(folder / f"train-0000{number}-of-00002.parquet")
    assert load_path(tmp_path / "repo").sha256 == load_path(folder).sha256 == expected
    (folder / "train-00000-of-00002.parquet").unlink()
    with pytest.raises(UserError, match="the train split has 1 of 2 shards"):
        load_path(folder)


@pytest.mark.parametrize("other", ["testing.csv", "test (1).csv", "eval.csv"])
def test_no_split_is_cut_in_place_of_a_file_that_is_passed_over(
    write: Callable[..., Path], two_classes: list[Any], other: str
) -> None:
    write("news/train.csv", two_classes)
    folder = write(f"news/{other}", [(f"u {text}", label) for text, label in two_classes]).parent
    with pytest.raises(UserError, match="would be passed over, and dev and test cut off train") as caught:
        load_path(folder)
    assert other in str(caught.value)
    assert load_path(folder, ignore=[other]).cut_from_train == ("dev", "test")
    for name in ("dev", "test"):
        write(f"news/{name}.csv", [(f"{name} {text}", label) for text, label in two_classes])
    (found,) = load_path(folder).report.findings
    assert found.kind == "passed_over"
    assert other in found.what_was_done


@pytest.mark.parametrize("source", ["", " "])
def test_an_empty_name_is_not_the_working_folder(source: str) -> None:
    with pytest.raises(UserError, match="the name of the data is empty"):
        load(DataSettings(source=source))


def test_a_table_with_all_its_columns() -> None:
    """What labelling a file needs: names, order and other columns, from a stream too."""
    stream = io.BytesIO(b'id;text;text\n1;"a;b\nc";d\n\n2;e;f\n')
    header, chunks = read_table(stream, "csv", chunk_rows=1)
    assert header == ["id", "text", "text"]
    rows = [row for chunk in chunks for row in chunk]
    assert [(number, list(cells)) for number, cells in rows] == [
        (2, ["1", "a;b\nc", "d"]),
        (4, ["", "", ""]),
        (5, ["2", "e", "f"]),
    ]
    header, chunks = read_table(io.BytesIO(b'{"text": "a"}\n{"id": 2, "text": "b"}\n'), "jsonl")
    assert header == ["text", "id"]
    assert [list(cells) for chunk in chunks for _, cells in chunk] == [["a", None], ["b", 2]]
    _, chunks = read_table(io.BytesIO(b"id,text,note\n1,a\n"), "csv", Dialect())
    with pytest.raises(UserError, match="2 fields where the rows before have 3"):
        list(chunks)


@pytest.mark.parametrize("name", ["rows.csv", "rows.tsv", "rows.xlsx"])
@pytest.mark.parametrize(
    "again", [("label", "id", "text"), ("id", "label", "text"), ("text", "label", "source"), ("Label", "ID", "Text")]
)
def test_columns_named_again_in_another_order_are_refused(tmp_path: Path, name: str, again: tuple[str, ...]) -> None:
    """As where files with other columns were joined to one: the rows below would be read in the wrong columns."""
    header = ("id", "text", "label")
    rows = [(f"{number}", f"text {number}", "AB"[number % 2]) for number in range(20)]
    path = tmp_path / name

    def written(between: tuple[str, ...]) -> Path:
        table = [header, *rows, between, *[(f"again {number}", *cells[1:]) for number, cells in enumerate(rows)]]
        if path.suffix == ".xlsx":
            workbook = openpyxl.Workbook()
            for cells in table:
                workbook.active.append(cells)
            workbook.save(path)
        else:
            separator = "\t" if path.suffix == ".tsv" else ","
            path.write_text("".join(separator.join(cells) + "\n" for cells in table))
        return path

    with pytest.raises(UserError, match="the columns are named again, in another order") as caught:
        load_path(written(again))
    assert str(caught.value.where).endswith((f"{name}, line 22", f"{name}, row 22"))
    found = load_path(written(header)).dropped.reasons()[0]
    assert (found.reason, found.rows, found.lines) == ("header_row", 1, ("22",))


@pytest.mark.parametrize(
    ("header", "row"),
    [
        (("text", "label", "predicted", "A", "B"), ("{}", "A", "B", "0.3", "0.7")),
        (("text", "label", "0.0", "-1"), ("{}", "-1", "-1", "0.0")),
        (("text", "first", "label", "yes", "no"), ("{}", "yes", "no", "3", "1")),
    ],
)
def test_values_that_are_columns_too_are_no_header(
    tmp_path: Path, header: tuple[str, ...], row: tuple[str, ...]
) -> None:
    other = {"A": "B", "B": "A", "-1": "0.0", "0.0": "-1", "yes": "no", "no": "yes"}
    rows = [row, tuple(other.get(cell, cell) for cell in row)] * 20
    lines = [header, *[(cells[0].format(f"text {number}"), *cells[1:]) for number, cells in enumerate(rows)]]
    (tmp_path / "rows.csv").write_text("".join(",".join(line) + "\n" for line in lines))
    found = load_path(tmp_path / "rows.csv")
    assert sum(len(split) for split in found.splits.values()) == len(rows)


@pytest.mark.parametrize("header", [("", "0", "1"), ("id", "text", "label", "0", "1")])
def test_columns_that_are_numbers_are_named_by_no_row(tmp_path: Path, header: tuple[str, ...]) -> None:
    """pandas names columns 0, 1, ...; one-hot columns are named by the numbers of classes."""
    rows = [(f"{number}", f"text {number}", f"{number % 2}", "1", "0")[: len(header)] for number in range(40)]
    rows += [("0", f"further text {number}", "0", "1", "0")[: len(header)] for number in range(4)]
    (tmp_path / "rows.csv").write_text("".join(",".join(row) + "\n" for row in (header, *rows)))
    named = {} if "text" in header else {"text": "0", "label": "1"}
    found = load(DataSettings(source=str(tmp_path / "rows.csv"), **named))
    assert sum(len(split) for split in found.splits.values()) == len(rows)


@pytest.mark.parametrize(
    ("name", "content", "where"),
    [
        ("rows.jsonl", '{"text": "a", "label": "x"}\n{"text": "b", "text": "c", "label": "y"}\n', "line 2"),
        ("rows.json", '[{"text": "a", "label": "x"}, {"text": "b", "text": "c", "label": "y"}]', "row 2"),
        ("rows.json", '{"text": ["a"], "label": ["x"], "text": ["b"]}', "rows.json"),
    ],
)
def test_a_key_that_stands_twice_is_refused(tmp_path: Path, name: str, content: str, where: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match="the key 'text' stands twice in one object") as caught:
        load_path(tmp_path / name)
    assert str(caught.value.where).endswith(where)
