"""Every format gives the same data set, and a file that is wrong is refused by file and row."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mctl.data import Dataset, DataSettings, load
from mctl.errors import UserError

HEADER = b"text,label\n"


def load_path(path: Path, **settings: object) -> Dataset:
    return load(DataSettings.model_validate({"source": str(path), **settings}))


def texts_of(dataset: Dataset) -> set[str]:
    return {text for split in dataset.splits.values() for text in split.texts}


def refused(path: Path) -> UserError:
    with pytest.raises(UserError) as caught:
        load_path(path)
    assert str(path) in str(caught.value.where)
    return caught.value


@pytest.mark.parametrize("name", ["rows.csv", "rows.tsv", "rows.jsonl", "rows.parquet", "ROWS.CSV"])
def test_every_format_gives_the_same_data_set(write, two_classes, name):
    awkward = [*two_classes, ('two\nlines, "quoted"\tand a tab', "Tech"), ("NA", "Sports"), ("null", "Tech")]
    expected = load_path(write("expected.jsonl", awkward))
    dataset = load_path(write(name, awkward))
    assert dataset.sha256 == expected.sha256
    assert {"NA", "null", 'two lines, "quoted" and a tab'} <= texts_of(dataset)


def test_a_class_may_be_called_na(write):
    dataset = load_path(write("rows.csv", [(f"t{i}", "NA" if i % 2 else "None") for i in range(20)]))
    assert dataset.class_names == ("NA", "None")


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_a_byte_order_mark_is_no_part_of_the_first_column(write, two_classes, ending):
    plain = write("plain" + ending, two_classes)
    marked = plain.with_name("marked" + ending)
    marked.write_bytes(b"\xef\xbb\xbf" + plain.read_bytes().replace(b"text,label", b'"text","label"'))
    assert load_path(marked).columns == ("text", "label")
    assert load_path(marked).sha256 == load_path(plain).sha256


def test_rows_are_numbered_as_an_editor_shows_them(tmp_path):
    rows = b"".join(b"t%d,%s\n" % (i, b"AB"[i % 2 : i % 2 + 1]) for i in range(20))
    path = tmp_path / "rows.csv"
    path.write_bytes(HEADER + b'"one\nrow",A\n' + b"\n" + b"no label\n" + rows)
    found = {finding.kind: finding for finding in load_path(path).report.findings}
    assert [example.row for example in found["empty_text"].examples] == [4]
    assert [(e.row, e.text) for e in found["missing_label"].examples] == [(5, "no label")]


def test_integer_labels_become_strings(tmp_path, write):
    records = [{"text": f"t{i}", "label": i % 2} for i in range(20)]
    as_json = tmp_path / "ints.jsonl"
    as_json.write_text("\n".join(map(json.dumps, records)))
    as_parquet = tmp_path / "ints.parquet"
    pq.write_table(pa.Table.from_pylist(records), as_parquet)
    as_floats = tmp_path / "floats.parquet"
    pq.write_table(
        pa.table({"text": [r["text"] for r in records], "label": [float(r["label"]) for r in records]}), as_floats
    )
    for path in (as_json, as_parquet, as_floats):
        assert load_path(path).class_names == ("0", "1")


def test_class_labels_of_the_datasets_library_are_named_and_minus_one_is_missing(tmp_path):
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["Tech", "Auto"])}
    )
    labels = [-1] + [i % 2 for i in range(20)]
    path = tmp_path / "named.parquet"
    datasets.Dataset.from_dict({"text": [f"t{i}" for i in range(21)], "label": labels}, features=features).to_parquet(
        path
    )
    dataset = load_path(path)
    assert dataset.class_names == ("Auto", "Tech")
    assert (
        dict(zip(*(getattr(dataset.splits["train"], part) for part in ("texts", "labels")), strict=True)).items()
        <= {f"t{i + 1}": ("Tech", "Auto")[i % 2] for i in range(20)}.items()
    )
    assert [(f.kind, f.count) for f in dataset.report.findings] == [("missing_label", 1)]


def test_a_lone_surrogate_in_json_is_dropped_not_a_crash(tmp_path):
    lines = [json.dumps({"text": f"t{i} \ud83d", "label": i % 2}) for i in range(20)]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(lines))
    assert texts_of(load_path(path)) == {f"t{i}" for i in range(20)}


@pytest.mark.parametrize(
    ("good", "bad", "words"),
    [
        (b"third", b"thi\xffd", "row 3, column text: b'thi\\xffd' is not UTF-8"),
        (b"World", b"Wor\xffd", "row 3, column label: b'Wor\\xffd' is not UTF-8"),
        (b"text", b"\xffext", "a name in it is not UTF-8"),
    ],
)
def test_a_parquet_file_whose_strings_are_not_utf8_is_refused(tmp_path, good, bad, words):
    """Nothing in the format checks that, and the file reads well until somebody looks at the value."""
    path = tmp_path / "rows.parquet"
    table = pa.table({"text": ["first", "second", "third"], "label": ["State", "State", "World"]})
    pq.write_table(table, path, compression="none", use_dictionary=False, store_schema=False)
    path.write_bytes(path.read_bytes().replace(good, bad))
    assert words in str(refused(path))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"\x89PNG\r\n\x1a\n" + bytes(100), "PNG"),
        ("a.jsonl", b"PAR1" + bytes(100) + b"PAR1", "Parquet"),
        ("a.csv", b"PK\x03\x04" + bytes(100), "Excel"),
        ("a.tsv", "text\tlabel\n".encode("utf-32"), "UTF-32"),
        ("a.tsv", "text\tlabel\n".encode("utf-16"), "no row"),
        ("a.csv", b"text,label\na\x00b,c\n", "binary"),
        ("a.csv", b'{"text": "t", "label": "x"}\n', "JSON"),
        ("a.parquet", HEADER + b"t,x\n", "not a Parquet file"),
        ("a.parquet", b"PAR1" + b"x" * 100 + b"PAR1", "not a Parquet file"),
        ("a.csv", b"", "empty"),
        ("a.tsv", b"\xef", "no line of text"),
        ("a.csv", b"\xef\xbb\xbf", "no line of text"),
        ("a.jsonl", b" \n\n", "empty"),
        ("a.parquet", b"", "not a Parquet file"),
        ("a.csv", HEADER, "no row"),
        ("a.csv", b"\n" + HEADER, "first line is empty"),
        ("a.xlsx", b"anything", "not an Excel workbook"),
        ("a.xls", b"anything", "ending"),
        ("a.jsonl", b"null\n", "NoneType"),
    ],
)
def test_a_file_that_is_not_what_its_ending_says_is_refused(tmp_path, name, content, words):
    path = tmp_path / name
    path.write_bytes(content)
    assert words in str(refused(path))


@pytest.mark.parametrize(
    ("name", "content", "where", "words"),
    [
        ("a.csv", HEADER + b"fine,A\nnot, fine,A\n", "line 3", "3 fields where the rows before have 2"),
        ("a.csv", HEADER + b'"one\nrow",A\nnot, fine,A\n', "line 4", "3 fields"),
        ("a.csv", HEADER + b'fine,A\n"open,A\nmore,A\n', "line 3", "nothing closes"),
        ("a.csv", HEADER + b"fine,A\nbad \xff,A\n", "line 3", "byte 0xff (number 23 of the file)"),
        ("a.jsonl", b'{"text": "t", "label": "x"}\n\n{"text": oops}\n', "line 3", "not JSON"),
        ("a.jsonl", b'{"text": "t", "label": "x"}\n[1, 2]\n', "line 2", "list instead of an object"),
        (
            "a.jsonl",
            b'{"text": "t", "label": "x"}\n{"text": "\xe0\xa4", "label": "x"}\n',
            "line 2",
            "0xe0 (number 39 of",
        ),
        ("a.jsonl", b"[" * 100_000, "line 1", "not JSON"),
        ("a.jsonl", b'{"text": "t", "label": "x"}\n{"text": "t", "label": ["x", "y"]}\n', "row 2", "holds a list"),
        ("a.jsonl", b'{"text": "t", "label": "x"}\n{"text": {}, "label": "x"}\n', "row 2", "'text' holds a dict"),
    ],
)
def test_a_fault_inside_a_file_is_named_with_its_row(tmp_path, name, content, where, words):
    path = tmp_path / name
    path.write_bytes(content)
    error = refused(path)
    assert str(error.where).endswith(where)
    assert words in error.what


def test_a_parquet_file_without_rows_is_refused(write: Callable[..., Path]):
    assert "no row" in str(refused(write("none.parquet", [])))


def test_an_array_that_is_not_utf8_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "news.json"
    path.write_bytes(b'[{"text": "caf\xe9", "label": "a"}]')
    with pytest.raises(UserError, match="not UTF-8"):
        load(DataSettings(source=str(path)))
