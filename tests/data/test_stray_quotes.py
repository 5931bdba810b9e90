"""A quote that nothing closes merges no rows: it is refused with its line. Texts of several lines stay legal."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from mctl.data import Dataset, DataSettings, load
from mctl.data.read import read_table
from mctl.data.table import Dialect
from mctl.errors import UserError

CLEAN = [(f"बातमी क्रमांक {number}", "Sports" if number % 2 else "Health") for number in range(30)]


def table(path: Path, rows: list[tuple[str, str]], *, label_first: bool) -> Path:
    """The rows as they stand, without a quote of a writer's."""
    separator = "\t" if path.suffix == ".tsv" else ","
    lines = [("text", "label"), *rows]
    path.write_text("".join(separator.join(line[::-1] if label_first else line) + "\n" for line in lines), "utf-8")
    return path


def load_path(path: Path, **settings: object) -> Dataset:
    return load(DataSettings.model_validate({"source": str(path), **settings}))


def texts_of(dataset: Dataset) -> set[str]:
    return {text for split in dataset.splits.values() for text in split.texts}


@pytest.mark.parametrize("label_first", [False, True])
@pytest.mark.parametrize("name", ["rows.csv", "rows.tsv"])
@pytest.mark.parametrize(
    ("opens", "closes"), [(4, None), (4, '"{}'), (4, '{}"'), (4, 'a "word" {}'), (28, '{}"'), (0, '{}"')]
)
def test_a_stray_quote_is_refused_with_its_line(
    tmp_path: Path, name: str, label_first: bool, opens: int, closes: str | None
) -> None:
    """The second quote begins a text, ends one, or is missing."""
    rows = list(CLEAN)
    rows[opens] = ('"' + rows[opens][0], rows[opens][1])
    if closes is not None:
        last = 29 if opens == 28 else 20
        rows[last] = (closes.format(rows[last][0]), rows[last][1])
    path = table(tmp_path / name, rows, label_first=label_first)
    with pytest.raises(UserError) as caught:
        load_path(path)
    assert caught.value.where == f"{path}, line {opens + 2}"
    assert 'quotes = "none"' in str(caught.value)
    assert texts_of(load_path(path, quotes="none")) == {text for text, _ in rows}


def test_a_closed_quote_that_text_follows_is_refused(tmp_path: Path) -> None:
    path = table(tmp_path / "rows.csv", [*CLEAN, ('"बाहुबली" चित्रपट', "Health")], label_first=False)
    with pytest.raises(UserError, match="more follows after the quote that closes it") as caught:
        load_path(path)
    assert str(caught.value.where).endswith("line 32")


@pytest.mark.parametrize(
    "text",
    [
        "one\ntwo",
        "one, two\nthree, four\nfive, six",
        'she said "no, never"\nand left',
        "Sports\nHealth",
        "\n\n\n",
        '"',
        '""\n"',
    ],
)
@pytest.mark.parametrize("label_first", [False, True])
def test_texts_of_several_lines_are_read_as_they_are(tmp_path: Path, text: str, label_first: bool) -> None:
    quoted = '"' + text.replace('"', '""') + '"'
    path = table(tmp_path / "rows.csv", [*CLEAN, (quoted + "", "Health")], label_first=label_first)
    dataset = load_path(path)
    assert " ".join(text.split()) in {" ".join(found.split()) for found in texts_of(dataset)} or not text.strip()
    assert sum(map(len, dataset.splits.values())) + len(dataset.dropped) == 31


def test_a_text_that_holds_rows_is_read_when_quotes_are_trusted(tmp_path: Path) -> None:
    quoted = '"the file begins:\nfirst news,Sports\nsecond news,Health\nand ends"'
    path = table(tmp_path / "rows.csv", [*CLEAN, (quoted, "Health")], label_first=False)
    with pytest.raises(UserError, match="ends on line 35, and 3 of the lines in it look like rows") as caught:
        load_path(path)
    assert 'quotes = "trusted"' in str(caught.value.todo)
    assert "the file begins: first news,Sports second news,Health and ends" in texts_of(
        load_path(path, quotes="trusted")
    )


@pytest.mark.parametrize(
    ("header", "template"),
    [
        ("id,text,label", "{id},{opens}{text}, and more{closes},{label}"),
        ("label,text", "{label},{opens}{text}, and more{closes}"),
        ("id,label,text", "{id},{label},{opens}{text}, and more, again{closes}"),
        ("text,label,note", "{opens}{text}, and more{closes},{label},"),
        ("title,label,text", '"A title, long",{label},{opens}{text}, and more{closes}'),
        ("text,label", "{opens}{text}, and more{closes},{label},,"),
    ],
)
@pytest.mark.parametrize("last", [5, 6, 20])
def test_a_stray_quote_among_texts_with_separators_is_refused(
    tmp_path: Path, header: str, template: str, last: int
) -> None:
    """The line that it opens on and the one that it closes on have more fields than the header has names."""

    def line(number: int, text: str, opens: str, closes: str) -> str:
        label = ("Sports", "Health", "State")[number % 3]
        return template.format(id=number, text=text, label=label, opens=opens, closes=closes)

    lines = [line(number, f"बातमी {number}", '"', '"') for number in range(30)]
    for number in range(4, last + 1):
        lines[number] = line(number, f"बातमी {number}", '"' * (number == 4), '"' * (number == last))
    if header.startswith("title"):  # A quoted field before it would close the quote at once: refused as well.
        lines[5 : last + 1] = [found.replace('"A title, long"', "Title") for found in lines[5 : last + 1]]
    path = tmp_path / "rows.csv"
    path.write_text("\n".join([header, *lines]) + "\n", "utf-8")
    with pytest.raises(UserError, match=rf"ends on line {last + 2}, and .* look like rows") as caught:
        load_path(path, text="text")
    assert caught.value.where == f"{path}, line 6"
    assert 'quotes = "trusted"' in str(caught.value.todo)


@pytest.mark.parametrize("header", ["id,text,label", "label,text", "text,label,note"])
def test_texts_of_several_lines_with_separators_are_read(tmp_path: Path, header: str) -> None:
    """Also where their lines have as many fields as rows have, and words that are labels."""
    path = tmp_path / "rows.csv"
    text = "Sports today, Health, State\nHealth news, 1,200 people, and Sports, too\nat last, Sports\nand, Health"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names := header.split(","))
        for number in range(30):
            row = {"id": number, "text": f"{text} {number}", "label": ("Sports", "Health")[number % 2], "note": "a, b"}
            writer.writerow([row[name] for name in names])
    assert texts_of(load_path(path)) == {f"{text} {number}".replace("\n", " ") for number in range(30)}


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('id,text\n1,one\n2,"two, and more\n3,size 5"\n4,four\n', 3),
        ('id,text,label\n7,one,a\n3,"two, and more,b\n9,size 5",a\n2,four,b\n', 3),
        ('text,note\n"one,x\ntwo,y\nthree",z\n', 2),
    ],
)
def test_rows_that_merge_in_a_table_to_label_are_refused(content: str, line: int) -> None:
    """Without a label to go by, ids count on."""
    with pytest.raises(UserError, match="look like rows") as caught:
        list(read_table(io.BytesIO(content.encode()), "csv")[1])
    assert str(caught.value.where).endswith(f"line {line}")
    assert list(read_table(io.BytesIO(content.encode()), "csv", Dialect("trusted"))[1])


@pytest.mark.parametrize(
    "text", ["1, 2\n3, 4", "one, two\n1,200 people", "one, two\n2019, the year", "5" * 5000 + "\nend"]
)
def test_texts_of_several_lines_are_read_in_a_table_to_label(text: str) -> None:
    rows = [
        cells
        for chunk in read_table(io.BytesIO(f'id,text\n0,zero\n1,"{text}"\n'.encode()), "csv")[1]
        for _, cells in chunk
    ]
    assert rows == [["0", "zero"], ["1", text]]


def test_digits_without_end_are_no_id() -> None:
    content = f'id,text\n{"5" * 5000},"one\ntwo, three"\n'
    assert sum(len(chunk) for chunk in read_table(io.BytesIO(content.encode()), "csv")[1]) == 1
