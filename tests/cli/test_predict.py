"""`mctl predict`"""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

import openpyxl
import pytest
from command import mctl
from refusal import Refused

TEXTS = ["मुंबईत आज जोरदार पाऊस", "क्रिकेट सामन्यात भारताचा विजय", "शेअर बाजारात मोठी घसरण"]
LABELS = {"Economy", "Entertainment", "Farming", "Health", "Politics", "Sports", "Technology"}


def type_in(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    """Standard input, in the encoding of an old locale, which must not matter."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), encoding="latin-1"))


def rows(out: str) -> list[tuple[str, float, str]]:
    split = [line.split("\t") for line in out.splitlines()]
    return [(label, float(probability), text) for label, probability, text in split]


def test_arguments(chain: Path) -> None:
    ran = mctl("predict", *TEXTS, cwd=chain)
    assert ran.code == 0, ran.err
    assert [text for _, _, text in rows(ran.out)] == TEXTS
    assert all(label in LABELS and 1 / 7 <= probability <= 1 for label, probability, _ in rows(ran.out))
    assert "using artifacts/prune25-distill-fp16, the newest there is" in ran.err
    assert "\x1b" not in ran.out + ran.err


def test_it_is_right_about_the_data_it_learnt_from(chain: Path) -> None:
    import csv

    with (chain / "news.csv").open(encoding="utf-8", newline="") as file:
        expected = {row["text"]: row["label"] for row in list(csv.DictReader(file))[:70]}
    ran = mctl("predict", "--quiet", *expected, cwd=chain)
    right = sum(expected[text] == label for label, _, text in rows(ran.out))
    assert right > 0.6 * len(expected), "chance is 1 in 7"
    assert ran.err == ""


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_standard_input_is_one_text_a_line_in_utf8(chain: Path, monkeypatch: pytest.MonkeyPatch, ending: bytes) -> None:
    expected = mctl("predict", *TEXTS, cwd=chain).out
    type_in(monkeypatch, ending.join(text.encode() for text in TEXTS))
    ran = mctl("predict", "--batch-size", 2, cwd=chain)
    assert ran.code == 0, ran.err
    assert [(label, text) for label, _, text in rows(ran.out)] == [(label, text) for label, _, text in rows(expected)]


def test_no_input_gives_no_output(chain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    type_in(monkeypatch, b"")
    ran = mctl("predict", cwd=chain)
    assert (ran.code, ran.out) == (0, "")


def test_json_has_one_object_a_line(chain: Path) -> None:
    plain = rows(mctl("predict", *TEXTS, cwd=chain).out)
    ran = mctl("predict", "--json", *TEXTS, cwd=chain)
    found = [json.loads(line) for line in ran.out.splitlines()]
    assert [set(row) for row in found] == [{"label", "probability", "text"}] * len(TEXTS)
    for row, (label, probability, text) in zip(found, plain, strict=True):
        assert (row["label"], row["text"]) == (label, text)
        assert row["probability"] == pytest.approx(probability, abs=1e-4)


@pytest.mark.parametrize("name", ["teacher", "prune25-distill"])
def test_artifacts_in_pytorch_answer_too(chain: Path, name: str) -> None:
    ran = mctl("predict", "--artifact", f"artifacts/{name}", *TEXTS, cwd=chain)
    assert ran.code == 0, ran.err
    assert [text for _, _, text in rows(ran.out)] == TEXTS


def test_bytes_that_are_not_utf8_are_named_by_line(
    chain: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    type_in(monkeypatch, b"ok\n" + b"\xff\xfe\n")
    refused("predict", cwd=chain, words=["stdin, line 2", "not UTF-8", "iconv"])
    refused("predict", "ok", b"\xff".decode("utf-8", "surrogateescape"), cwd=chain, words=["text 2", "not UTF-8"])


def test_texts_are_cleaned_as_in_training(chain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    type_in(monkeypatch, f"\ufeff{TEXTS[0]}\n{TEXTS[0]}\n \x00{TEXTS[0]} \n".encode())
    lines = mctl("predict", "--quiet", cwd=chain).out.splitlines()
    assert len(lines) == 3
    assert len(set(lines)) == 1
    assert lines[0].endswith(f"\t{TEXTS[0]}")


def test_python_cleans_too_and_takes_a_single_string_for_one_text(chain: Path) -> None:
    from mctl import load

    classify = load(chain / "artifacts" / "teacher")
    (one,) = classify(f"\ufeff{TEXTS[0]}\u2028")
    assert one == next(classify([TEXTS[0]]))
    assert (classify.logits([f"\ufeff{TEXTS[0]}"]) == classify.logits([TEXTS[0]])).all()


@pytest.mark.parametrize(("given", "word"), [(None, "NoneType"), (b"x", "bytes"), (["a", 1.5], "text 2"), ({}, "dict")])
def test_python_refuses_what_is_no_text(chain: Path, given: object, word: str) -> None:
    from mctl import load
    from mctl.errors import UserError

    with pytest.raises(UserError, match=word):
        list(load(chain / "artifacts" / "teacher")(given))  # type: ignore[arg-type]


TABLE = [("id", "headline", "label"), ("1", 'a "b", c', "x"), ("2", TEXTS[0], "y"), ("3", "", "z")]


@pytest.mark.parametrize(("ending", "delimiter"), [("csv", ","), ("csv", ";"), ("tsv", "\t")])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_a_table_keeps_its_columns_and_gets_two_more(
    chain: Path, tmp_path: Path, ending: str, delimiter: str, bom: str
) -> None:
    path = tmp_path / f"few.{ending}"
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(bom)
        csv.writer(file, delimiter=delimiter).writerows(TABLE)
    ran = mctl("predict", path, "--quiet", cwd=chain)
    assert ran.code == 0, ran.err
    found = list(csv.reader(io.StringIO(ran.out), delimiter="\t" if ending == "tsv" else ","))
    assert found[0] == [*TABLE[0], "predicted", "probability"]
    assert [tuple(row[:3]) for row in found] == TABLE
    expected = rows(mctl("predict", "--quiet", TABLE[2][1], cwd=chain).out)[0]
    assert (found[2][3], float(found[2][4])) == (expected[0], pytest.approx(expected[1], abs=1e-4))


def test_jsonl_gives_jsonl_and_output_is_a_file_that_is_not_replaced(
    chain: Path, tmp_path: Path, refused: Refused
) -> None:
    given = [{"text": text, "n": number, "probability": None} for number, text in enumerate(TEXTS)]
    path, out = tmp_path / "few.jsonl", tmp_path / "out.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in given), encoding="utf-8")
    assert mctl("predict", path, "--output", out, "--top-k", 2, cwd=chain).out == ""
    found = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [{key: row[key] for key in given[0]} for row in found] == given
    assert list(found[0])[3:] == ["label", "probability_predicted", "label_2", "probability_2"]
    assert found[0]["probability_predicted"] >= found[0]["probability_2"]
    before = out.read_bytes()
    refused("predict", path, "--output", out, cwd=chain, words=["out.jsonl", "--force"])
    refused("predict", path, "--output", path, "--text", "nope", "--force", cwd=chain, words=["no column 'nope'"])
    assert out.read_bytes() == before
    assert sorted(one.name for one in tmp_path.iterdir()) == ["few.jsonl", "out.jsonl"]
    assert mctl("predict", path, "--output", out, "--force", cwd=chain).code == 0
    assert out.read_bytes() != before


def test_what_is_no_file_and_no_text_is_refused(chain: Path, tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "lines.txt").write_text("a\nb\n")
    refused("predict", "nope.csv", cwd=chain, words=["nope.csv", "no such file"])
    refused("predict", tmp_path / "lines.txt", cwd=chain, words=["lines.txt", "mctl predict <"])
    refused("predict", "news.csv", "a text", cwd=chain, words=["one file at a time"])


def test_standard_input_can_be_a_table(chain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    type_in(monkeypatch, f"text\tn\n{TEXTS[0]}\t1\n".encode())
    ran = mctl("predict", "-", "--format", "tsv", "--quiet", cwd=chain)
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[0] == "text\tn\tlabel\tprobability"


def test_quotes_of_a_table_mean_what_mctl_toml_says(chain: Path, tmp_path: Path, refused: Refused) -> None:
    path, recipe = tmp_path / "few.csv", tmp_path / "mctl.toml"
    path.write_text(f'id,text\n1,"{TEXTS[0]}\n2,{TEXTS[1]}"\n', encoding="utf-8")
    refused("predict", path, cwd=chain, words=["line 2", "look like rows", 'quotes = "none"'])
    for quotes, expected in (("none", ["1", "2"]), ("trusted", ["1"])):
        recipe.write_text(f'version = 2\n[data]\nquotes = "{quotes}"\n')
        ran = mctl("predict", path, "-c", recipe, "--artifacts", chain / "artifacts", "--quiet", cwd=chain)
        assert [row[0] for row in csv.reader(io.StringIO(ran.out))] == ["id", *expected], ran.err


def test_columns_of_one_name_are_chosen_or_refused(chain: Path, tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "few.csv"
    path.write_text(f"Text,text,note,note\nx,{TEXTS[0]},1,2\n", encoding="utf-8")
    refused("predict", path, cwd=chain, words=["not plain which column", "'Text', 'text'"])
    refused("predict", path, "--text", "TEXT", cwd=chain, words=["several columns are named 'TEXT'"])
    refused("predict", path, "--text", "text", "--json", cwd=chain, words=["two columns are named 'note'"])
    ran = mctl("predict", path, "--text", "text", "--quiet", cwd=chain)
    assert ran.out.splitlines()[1].startswith(f"x,{TEXTS[0]},1,2,"), ran.err
    expected = rows(mctl("predict", "--quiet", TEXTS[0], cwd=chain).out)[0]
    assert ran.out.splitlines()[1].split(",")[4] == expected[0]


def test_sheets_that_are_not_read_are_named_and_can_be_chosen(chain: Path, tmp_path: Path, refused: Refused) -> None:
    workbook = openpyxl.Workbook()
    for sheet, text in ((workbook.active, TEXTS[0]), (workbook.create_sheet("More"), TEXTS[1])):
        sheet.append(["text"])
        sheet.append([text])
    workbook.save(path := tmp_path / "few.xlsx")
    ran = mctl("predict", path, cwd=chain)
    assert "sheets that are not read (--sheet chooses one): More" in " ".join(ran.err.split())
    assert ran.out.splitlines()[1].startswith(TEXTS[0])
    ran = mctl("predict", path, "--sheet", "More", cwd=chain)
    assert "not read" not in ran.err
    assert ran.out.splitlines()[1].startswith(TEXTS[1])
    refused("predict", path, "--sheet", "Other", cwd=chain, words=["no sheet 'Other'", "'More'"])


def test_the_sheet_of_the_recipe_is_read(chain: Path, tmp_path: Path) -> None:
    workbook = openpyxl.Workbook()
    for sheet, text in ((workbook.active, TEXTS[0]), (workbook.create_sheet("June"), TEXTS[1])):
        sheet.append(["text"])
        sheet.append([text])
    workbook.save(path := tmp_path / "few.xlsx")
    recipe = tmp_path / "mctl.toml"
    recipe.write_text(f'version = 2\nartifacts = "{chain / "artifacts"}"\n[data]\nsheet = "June"\n', encoding="utf-8")
    assert TEXTS[1] in mctl("predict", path, "--config", recipe, cwd=chain).out


def test_quotes_are_those_of_the_flag_and_else_of_the_recipe(chain: Path, tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "plain.csv"
    path.write_text(f'text,n\n"{TEXTS[0]},1\n{TEXTS[1]},2\n', encoding="utf-8")
    refused("predict", path, cwd=chain, words=["plain.csv", "quote"])
    by_flag = mctl("predict", path, "--quotes", "none", "--quiet", cwd=chain)
    assert by_flag.code == 0, by_flag.err
    assert [row[1] for row in csv.reader(io.StringIO(by_flag.out))] == ["n", "1", "2"]
    recipe = tmp_path / "mctl.toml"
    recipe.write_text(f'version = 2\nartifacts = "{chain / "artifacts"}"\n[data]\nquotes = "none"\n', encoding="utf-8")
    assert mctl("predict", path, "--config", recipe, "--quiet", cwd=chain).out == by_flag.out


def test_labels_in_the_file_are_matched_as_in_training(chain: Path, tmp_path: Path) -> None:
    label = rows(mctl("predict", "--quiet", TEXTS[0], cwd=chain).out)[0][0]
    path, recipe = tmp_path / "labelled.csv", tmp_path / "mctl.toml"
    path.write_text(f"text,label\n{TEXTS[0]},{label.upper()}\n", encoding="utf-8")
    assert "accuracy" not in mctl("predict", path, cwd=chain).err
    folding = f'version = 2\nartifacts = "{chain / "artifacts"}"\n[data]\nlabel_spelling = "fold"\n'
    recipe.write_text(folding, encoding="utf-8")
    assert "accuracy on the 1 rows" in mctl("predict", path, "--config", recipe, cwd=chain).err


def test_labels_in_the_file_give_a_share_and_rows_that_repeat_the_header_are_counted(
    chain: Path, tmp_path: Path
) -> None:
    label = rows(mctl("predict", "--quiet", TEXTS[0], cwd=chain).out)[0][0]
    other = next(name for name in sorted(LABELS) if name != label)
    path = tmp_path / "labelled.csv"
    given = [("text", "label"), (TEXTS[0], label), ("text", "label"), (TEXTS[0], other), (TEXTS[0], "no such")]
    given += [(TEXTS[0], label)]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(given)
    ran = mctl("predict", path, cwd=chain)
    assert len(ran.out.splitlines()) == len(given)
    assert "accuracy on the 3 rows with a label of the model: 66.7 % (no verdict)" in ran.err
    assert "1 rows repeat the header; they are labelled like texts: 3" in ran.err


def test_a_single_row_of_names_that_may_be_a_text_is_told(chain: Path, tmp_path: Path) -> None:
    path = tmp_path / "lines.csv"
    path.write_text("\n".join(TEXTS), encoding="utf-8")
    ran = mctl("predict", path, cwd=chain)
    assert f"the first row, {TEXTS[0]!r}, is taken for the name of the column" in ran.err
    path.write_text("\n".join(["headline", *TEXTS]), encoding="utf-8")
    assert "is taken for" not in mctl("predict", path, cwd=chain).err


@pytest.mark.parametrize(
    ("first", "named"),
    [
        ('{"text": "a"}', "JSONL"),
        ("\ufeffid,text", "CSV"),
        ("label\tText", "TSV"),
        ("{a brace", None),
        ("rain, and a text", None),
    ],
)
def test_a_table_on_standard_input_without_its_format_is_told(
    chain: Path, monkeypatch: pytest.MonkeyPatch, first: str, named: str | None
) -> None:
    type_in(monkeypatch, f"{first}\n{TEXTS[0]}\n".encode())
    ran = mctl("predict", cwd=chain)
    assert len(ran.out.splitlines()) == 2
    told = f"stdin looks like {named}, and each line is labelled as a text; --format {str(named).lower()}"
    assert (told in " ".join(ran.err.split())) == (named is not None)
    assert ("looks like" in ran.err) == (named is not None)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--text", "a short text"], ["--text a short text", "names a column", "mctl predict 'a short text'"]),
        (["--text", "headline", "a text"], ["--text", "no"]),
        (["--sheet", "May"], ["--sheet", "--format"]),
        (["a text", "--format", "csv"], ["--format", "none is named"]),
        (["news.csv", "--output", "out.xlsx"], ["out.xlsx", "does not write .xlsx", ".jsonl"]),
        (["news.csv", "--output", "out.csv.gz"], ["does not write .gz"]),
    ],
)
def test_flags_that_do_not_fit_are_refused(
    chain: Path, refused: Refused, arguments: list[str], words: list[str]
) -> None:
    refused("predict", *arguments, cwd=chain, words=words)


def test_an_output_that_is_there_is_kept_and_so_is_one_that_comes_meanwhile(
    chain: Path, tmp_path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mctl.pipeline import predict_table

    out = tmp_path / "out.csv"
    arguments = ["predict", chain / "news.csv", "--output", out]
    assert mctl(*arguments, cwd=chain).code == 0
    labelled = out.read_bytes()
    assert "did not write" not in refused(*arguments, cwd=chain, words=["there already", "--force"])
    out.unlink()
    write = predict_table.write_rows

    def meanwhile(*given: object) -> None:
        write(*given)  # type: ignore[arg-type]
        out.write_text("mine", encoding="utf-8")

    monkeypatch.setattr(predict_table, "write_rows", meanwhile)
    refused(*arguments, cwd=chain, words=["there already", ".out.csv.tmp"])
    assert out.read_text(encoding="utf-8") == "mine"
    assert (tmp_path / ".out.csv.tmp").read_bytes() == labelled
