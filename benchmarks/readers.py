"""Tables written by others: mctl reads each well-formed one with equal rows and refuses each damaged one with its line.

    python benchmarks/readers.py [--tables 2000] [--seed 42]

Needs polars (`pip install polars`) beside what mctl needs. Random tables (quotes, separators, line ends, byte order
marks, encodings, empty cells, numbers as labels) are written by csv, pandas, polars, openpyxl and json, and in the
dialects of Excel, LibreOffice, SQL Server and MySQL, which are imitated here. One in four is damaged. A dialect whose
files cannot be told from others is read with the setting that names it, and counted as such. Exits 1 at any mismatch.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
import random
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd

from mctl.data.cells import Null
from mctl.data.columns import find_columns
from mctl.data.read import read_file, read_table
from mctl.data.table import Dialect
from mctl.data.text import tidy
from mctl.errors import UserError

WORDS = [
    "मुंबईत",
    "पाऊस",
    "सामना",
    "news",
    "fell",
    "Ω",
    "😀",
    "क़ानून",
    "O'Neil",
    "100%",
    "NA",
    "null",
    "1,5",
    "a;b",
    "x|y",
]
AWKWARD = ['"', '""', '"quoted"', ",", ";", "\t", "\n", "\r\n", "|", "'", "\\", "\\n", "#", "=1+1", " "]
PLAIN_LABELS = (
    ["Sports", "Health", "State"],
    ["0", "1", "2"],
    ["-1", "1"],
    ["yes, sir", "no"],
    ['say "a"', "b"],
    ["खेळ", "NA"],
)


@dataclass
class Made:
    """A table on disk.

    Attributes:
        path: of the file.
        header: names of the columns.
        rows: cells, as a reader should give them.
        dialect: what has to be said to mctl, because the file does not.
        kind: writer or dialect, for the counts.
    """

    path: Path
    header: list[str]
    rows: list[list[str]]
    kind: str
    dialect: Dialect = field(default_factory=Dialect)


def random_table(rng: random.Random, *, simple: bool = False) -> tuple[list[str], list[list[str]]]:
    """A header and rows of strings; a simple one holds nothing that any dialect would have to quote."""
    header = ["text", "label", *(["id"] if rng.random() < 0.3 else []), *(["note"] if rng.random() < 0.2 else [])]
    rng.shuffle(header)
    labels = PLAIN_LABELS[0] if simple else rng.choice(PLAIN_LABELS)
    rows = []
    for number in range(rng.randint(12, 40) if simple else rng.randint(1, 30)):
        cells = {
            "text": f"{_text(rng, simple)} {number}",
            "label": "" if not simple and rng.random() < 0.05 else rng.choice(labels),
            "id": str(number),
            "note": "" if rng.random() < 0.5 else _text(rng, simple),
        }
        if not simple and rng.random() < 0.05:
            cells["text"] = ""
        rows.append([cells[name] for name in header])
    return header, rows


def _text(rng: random.Random, simple: bool) -> str:
    words = [word for word in WORDS if not simple or not set(word) & set(',;|"')]
    parts = rng.choices(words, k=rng.randint(1, 6))
    if not simple and rng.random() < 0.5:
        for _ in range(rng.randint(1, 3)):
            parts.insert(rng.randint(0, len(parts)), rng.choice(AWKWARD))
    return ("" if rng.random() < 0.2 else " ").join(parts)


def with_csv(rng: random.Random, folder: Path) -> Made:
    header, rows = random_table(rng)
    separator, ending = rng.choice([(",", ".csv"), (";", ".csv"), ("\t", ".tsv"), ("\t", ".csv"), ("|", ".csv")])
    quoting = rng.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator, quoting=quoting, lineterminator=rng.choice(["\n", "\r\n"]))
    writer.writerows([header, *rows])
    encoding = rng.choice(["utf-8", "utf-8-sig", "utf-16"])
    return Made(_packed(rng, folder, ending, text.getvalue().encode(encoding)), header, rows, "csv")


def _packed(rng: random.Random, folder: Path, ending: str, content: bytes) -> Path:
    how = rng.choice(["", "", "", ".gz", ".zip"])
    path = folder / f"table{ending}{how}"
    if how == ".gz":
        path.write_bytes(gzip.compress(content))
    elif how == ".zip":
        path = folder / "table.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"table{ending}", content)
            archive.writestr(f"__MACOSX/._table{ending}", b"x")
    else:
        path.write_bytes(content)
    return path


def with_pandas(rng: random.Random, folder: Path) -> Made:
    header, rows = random_table(rng)
    frame = pd.DataFrame(rows, columns=header)
    how = rng.choice(["csv", "tsv", "records", "lines", "columns", "parquet", "xlsx"])
    if how in ("csv", "tsv"):
        # pandas does not quote a carriage return where lines end in a line feed.
        end = "\r\n" if any("\r" in cell for row in rows for cell in row) else "\n"
        path = folder / f"table.{how}{rng.choice(['', '.gz'])}"
        separator = "\t" if how == "tsv" else ","
        encoding = rng.choice(["utf-8", "utf-8-sig"])
        frame.to_csv(path, index=False, sep=separator, lineterminator=end, encoding=encoding)
    elif how == "parquet":
        frame.to_parquet(path := folder / "table.parquet", index=False)
    elif how == "xlsx":
        frame = frame.map(_for_excel)
        rows = _without_blank_end(frame.to_numpy().tolist())
        frame.to_excel(path := folder / "table.xlsx", index=False)
    else:
        path = folder / ("table.jsonl" if how == "lines" else "table.json")
        orient: Any = "columns" if how == "columns" else "records"
        frame.to_json(path, orient=orient, lines=how == "lines", force_ascii=rng.random() < 0.5)
    return Made(path, header, rows, f"pandas {how}")


def _without_blank_end(rows: list[list[str]]) -> list[list[str]]:
    """Rows without a cell at the end of a sheet are not there."""
    while rows and not any(rows[-1]):
        rows = rows[:-1]
    return rows


def _for_excel(cell: str) -> str:
    """Excel has one line end in a cell, and takes what begins with = for a formula."""
    return cell.replace("\r\n", "\n").lstrip("=")


def with_polars(rng: random.Random, folder: Path) -> Made:
    import polars as pl

    header, rows = random_table(rng)
    frame = pl.DataFrame(rows, schema=header, orient="row")
    how = rng.choice(["csv", "ndjson", "json", "parquet"])
    path = folder / {"csv": "table.csv", "ndjson": "table.jsonl", "json": "table.json", "parquet": "table.parquet"}[how]
    if how == "csv":
        style: Any = rng.choice(["necessary", "always", "non_numeric"])
        end, bom = rng.choice(["\n", "\r\n"]), rng.random() < 0.5
        frame.write_csv(path, separator=rng.choice([",", ";"]), quote_style=style, line_terminator=end, include_bom=bom)
    else:
        getattr(frame, f"write_{how}")(path)
    return Made(path, header, rows, f"polars {how}")


def with_openpyxl(rng: random.Random, folder: Path) -> Made:
    header, rows = random_table(rng)
    rows = [[_for_excel(cell) for cell in row] for row in rows]
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    named = rng.random() < 0.5
    if named:
        sheet.append(["another", "sheet"])
        sheet = workbook.create_sheet("Data")
    numbers = rng.random() < 0.5
    sheet.append(header)
    for row in rows:
        sheet.append([int(c) if numbers and c.lstrip("-").isdecimal() and str(int(c)) == c else c or None for c in row])
    if rng.random() < 0.5:
        sheet.cell(len(rows) + 20, 1).font = openpyxl.styles.Font(bold=True)
    workbook.save(path := folder / "table.xlsx")
    return Made(path, header, _without_blank_end(rows), "openpyxl", Dialect(sheet="Data" if named else None))


def _quoted(cell: str, separator: str, always: bool = False) -> str:
    if always or any(character in cell for character in (separator, '"', "\n", "\r")):
        return '"' + cell.replace('"', '""') + '"'
    return cell


def _joined(
    header: Sequence[str], rows: Sequence[Sequence[str]], separator: str, end: str, always: bool = False
) -> str:
    lines = [separator.join(_quoted(cell, separator, always and bool(cell)) for cell in row) for row in [header, *rows]]
    return end.join(lines) + end


def as_excel(rng: random.Random, folder: Path) -> Made:
    header, rows = random_table(rng)
    rows = [[_for_excel(cell) for cell in row] for row in rows]
    how = rng.choice(["CSV UTF-8", "CSV UTF-8, semicolons", "Unicode text", "sep="])
    if how == "Unicode text":
        content = b"\xff\xfe" + _joined(header, rows, "\t", "\r\n").encode("utf-16-le")
        path = folder / "table.tsv"
    else:
        separator = "," if how == "CSV UTF-8" else ";"
        first = "sep=;\r\n" if how == "sep=" else ""
        content = (first + _joined(header, rows, separator, "\r\n")).encode("utf-8-sig")
        path = folder / "table.csv"
    path.write_bytes(content)
    return Made(path, header, rows, f"Excel: {how}")


def as_libreoffice(rng: random.Random, folder: Path) -> Made:
    header, rows = random_table(rng)
    separator, always = rng.choice([",", ";", "\t"]), rng.random() < 0.5
    path = folder / "table.csv"
    path.write_text(_joined(header, rows, separator, "\n", always), encoding="utf-8", newline="")
    return Made(path, header, rows, "LibreOffice")


def as_sql_server(rng: random.Random, folder: Path) -> Made:
    """Results of a query saved as CSV: nothing is quoted, unless an option says so."""
    header, rows = random_table(rng)
    names = [f"[{name}]" for name in header] if rng.random() < 0.5 else header
    path = folder / "table.csv"
    if rng.random() < 0.5:
        path.write_text(_joined(names, rows, ",", "\r\n"), encoding="utf-8-sig", newline="")
        return Made(path, header, rows, "SQL Server, quoting")
    rows = [[cell.translate({10: " ", 13: None, 44: " "}) for cell in row] for row in rows]
    path.write_text("".join(",".join(row) + "\r\n" for row in [names, *rows]), encoding="utf-8-sig", newline="")
    literal = any(cell.startswith('"') for row in rows for cell in row)
    kind = 'SQL Server, quotes = "none"' if literal else "SQL Server"
    return Made(path, header, rows, kind, Dialect("none" if literal else "checked"))


def as_mysql(rng: random.Random, folder: Path) -> Made:
    header, rows = random_table(rng)
    batch = rng.random() < 0.5
    codes = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\x00": "\\0"} if batch else {
        "\\": "\\\\", "\t": "\\\t", "\n": "\\\n", "\x00": "\\0"
    }  # fmt: skip
    written = [
        ["".join(codes.get(c, c) for c in cell) or ("" if rng.random() < 0.5 else "\\N") for cell in row]
        for row in rows
    ]
    path = folder / "table.tsv"
    path.write_text("".join("\t".join(row) + "\n" for row in [header, *written]), encoding="utf-8", newline="")
    cells = [cell for row in written for cell in row]
    if any("\\" in cell.replace("\\N", "", 1) or "\r" in cell for cell in cells) or any(
        '"' in cell[:1] for cell in cells
    ):
        return Made(path, header, rows, 'MySQL, quotes = "backslash"', Dialect("backslash"))
    return Made(path, header, rows, "MySQL")


WRITERS: Sequence[Callable[[random.Random, Path], Made]] = (
    with_csv, with_pandas, with_polars, with_openpyxl, as_excel, as_libreoffice, as_sql_server, as_mysql,
)  # fmt: skip


def mismatch(made: Made) -> str | None:
    """How what mctl reads differs from what was written; None if it does not."""
    places = [made.header.index(name) for name in ("text", "label")]
    expected = [[tidy(row[place]) for place in places] for row in made.rows]
    try:
        source = read_file(
            made.path, lambda names: find_columns(names, text=None, label=None, where=""), 7, made.dialect
        )
        found = [[text, label] for rows in source.chunks for text, label in zip(rows.texts, rows.labels, strict=True)]
        header, chunks = read_table(made.path, dialect=made.dialect)
        whole = [
            ["" if cell is None or isinstance(cell, Null) else str(cell) for cell in cells]
            for chunk in chunks
            for _, cells in chunk
        ]
    except UserError as error:
        return f"refused: {error}"
    if header != made.header:
        return f"header {header} is not {made.header}"
    for what, got, wanted in (("text and label", found, expected), ("cells", whole, made.rows)):
        if len(got) != len(wanted):
            return f"{len(got)} rows are not {len(wanted)}"
        if differing := next((pair for pair in zip(got, wanted, strict=True) if pair[0] != pair[1]), None):
            return f"{what} {differing[0]!r} are not {differing[1]!r}"
    return None


@dataclass
class Damage:
    """A damaged file: what was done, and the line that a refusal has to name; 0 where there is none to name."""

    path: Path
    kind: str
    line: int
    finding: bool = False


QUOTES = ("unclosed quote", "two stray quotes", "quote and closing quote", "quoted texts with separators")


def _put_quotes(rng: random.Random, rows: list[list[str]], at: int, text: int, kind: str, separator: str) -> None:
    """Put a stray quote before a text, and for most kinds another one before or after a later text."""
    later = rng.randrange(at + 1, len(rows))
    if kind == "quoted texts with separators":
        for row in rows[at : later + 1]:
            row[text] += f"{separator} and {rng.choice(WORDS)}"
    rows[at][text] = f'"{rows[at][text]}'
    if kind == "two stray quotes":
        rows[later][text] = f'"{rows[later][text]}'
    elif kind != "unclosed quote":
        rows[later][text] += '"'


def damaged(rng: random.Random, folder: Path) -> Damage:
    """A simple table with one fault."""
    header, rows = random_table(rng, simple=True)
    separator, ending = rng.choice([(",", ".csv"), ("\t", ".tsv"), (";", ".csv")])
    text, at = header.index("text"), rng.randrange(len(rows) - 4)
    kind = rng.choice(
        [*QUOTES, "text after a quote", "field too many", "field missing", "not UTF-8", "JSON line", "JSON array",
         "gzip cut off"]
    )  # fmt: skip
    if kind in ("JSON line", "JSON array"):
        return _damaged_json(rng, folder, header, rows, kind)
    if kind in QUOTES:
        _put_quotes(rng, rows, at, text, kind, separator)
    elif kind == "text after a quote":
        rows[at][text] = f'"word" {rows[at][text]}'
    elif kind == "field too many":
        rows[at][text] = f"one{separator}two"
    elif kind == "field missing":
        del rows[at][text]
    content = "".join(separator.join(row) + "\n" for row in [header, *rows]).encode()
    path = folder / f"table{ending}"
    if kind == "not UTF-8":
        lines = content.split(b"\n")
        lines[at + 1] = b"\xff" + lines[at + 1]
        content = b"\n".join(lines)
    if kind == "gzip cut off":
        path = folder / f"table{ending}.gz"
        content = gzip.compress(content)[: -rng.randint(9, 60)]
        path.write_bytes(content)
        return Damage(path, kind, 0)
    path.write_bytes(content)
    # Where the last column is read, a row that lacks a field has no text or no label: it is found, not refused.
    read_to_the_end = max(text, header.index("label")) == len(header) - 1
    return Damage(path, kind, at + 2, finding=kind == "field missing" and read_to_the_end)


def _damaged_json(rng: random.Random, folder: Path, header: list[str], rows: list[list[str]], kind: str) -> Damage:
    at = rng.randrange(len(rows))
    lines = [json.dumps(dict(zip(header, row, strict=True))) for row in rows]
    lines[at] = lines[at][: rng.randint(5, len(lines[at]) - 2)]
    if kind == "JSON line":
        (folder / "table.jsonl").write_text("\n".join(lines))
        return Damage(folder / "table.jsonl", kind, at + 1)
    (folder / "table.json").write_text("[" + ", ".join(lines) + "]")
    return Damage(folder / "table.json", kind, at + 1)


def unnoticed(damage: Damage) -> str | None:
    """What is wrong with how mctl takes a damaged file; None if it is refused, or found, with its line."""
    try:
        source = read_file(damage.path, lambda names: find_columns(names, text=None, label=None, where=""), 7)
        rows = [row for part in source.chunks for row in zip(part.numbers, part.texts, part.labels, strict=True)]
    except UserError as error:
        where = str(error.where)
        named = damage.line == 0 or where.endswith((f"line {damage.line}", f"row {damage.line}"))
        return None if named and not damage.finding else f"line {damage.line}, but: {error}"
    if damage.finding:
        found = any(number == damage.line and not (text and label) for number, text, label in rows)
        return None if found else f"the row on line {damage.line} has a text and a label"
    return "accepted"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=42)
    arguments = parser.parse_args()
    read: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    wrong: list[str] = []
    for number in range(arguments.tables):
        rng = random.Random(f"{arguments.seed} {number}")
        with tempfile.TemporaryDirectory() as folder:
            if number % 4 == 3:
                damage = damaged(rng, Path(folder))
                kind, problem, counts = damage.kind, unnoticed(damage), refused
            else:
                made = rng.choice(WRITERS)(rng, Path(folder))
                kind, problem, counts = made.kind, mismatch(made), read
        counts[kind] += 1
        if problem:
            wrong.append(f"table {number}, {kind}: {problem}")
    for title, counts in (
        ("well-formed, read with equal rows", read),
        ("damaged, refused or found with its line", refused),
    ):
        print(f"\n| {title} | tables |\n|---|---|")
        for kind, count in sorted(counts.items()):
            print(f"| {kind} | {count} |")
        print(f"| all | {counts.total()} |")
    print(f"\nmismatches: {len(wrong)}")
    for line in wrong[:40]:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
