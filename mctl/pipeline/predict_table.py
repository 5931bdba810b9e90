"""Labels for the rows of a table: all its columns, and those of the prediction beside them."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO

from mctl.artifact import make_folder
from mctl.data.columns import TEXT_NAMES
from mctl.data.read import read_table
from mctl.data.table import Dialect
from mctl.data.text import folded
from mctl.errors import UserError
from mctl.pipeline.predict import TextClassifier
from mctl.progress import Progress
from mctl.report.plain import plain_json

Row = Sequence[object]


def label_table(
    classifier: TextClassifier,
    source: Path | BinaryIO,
    format: str | None,
    *,
    dialect: Dialect,
    column: str | None,
    batch_size: int,
    top_k: int,
    progress: Progress,
) -> tuple[list[str], Iterator[Row]]:
    """Label the texts of a table.

    Args:
        classifier: what labels.
        source: a file, or a binary stream.
        format: see `mctl.data.read_table`; None: by the file's ending.
        dialect: what the file does not say of itself.
        column: of the texts. By default the column that the classifier was trained on, or one with a usual name.
        batch_size: texts a call.
        top_k: labels a text.
        progress: hears of the texts that are labelled.

    Returns:
        The header, and the rows: the cells as they were read, then a label and its probability, `top_k` times.

    Raises:
        UserError: as `read_table`, or no such column.
    """
    header, chunks = read_table(source, format, dialect)
    where = str(source) if isinstance(source, Path) else "stdin"
    place = header.index(_text_column(header, column, classifier, where))

    def rows() -> Iterator[Row]:
        done = 0
        for chunk in chunks:
            texts = ["" if cells[place] is None else str(cells[place]) for _, cells in chunk]
            labelled = classifier(texts, batch_size, top_k)
            for (_, cells), one in zip(chunk, labelled, strict=True):
                yield [*cells, *(value for pair in one.ranked for value in (pair[0], round(pair[1], 6)))]
            done += len(chunk)
            progress.advance(done)

    return [*header, *_new_columns(header, min(top_k, len(classifier.classes)))], rows()


def _text_column(header: Sequence[str], column: str | None, classifier: TextClassifier, where: str) -> str:
    trained_on = classifier.artifact.manifest.data.get("columns", {}).get("text", "")
    problem = "it is not plain which column holds the texts" if column is None else f"there is no column {column!r}"
    wanted: Iterable[frozenset[str]] = [frozenset({folded(column)})] if column is not None else _usual(trained_on)
    for names in wanted:
        found = [name for name in header if name == column] or [name for name in header if folded(name) in names]
        if len(found) == 1:
            return found[0]
        if column is not None and found:
            problem = f"several columns are named {column!r}"
    if column is None and len(header) == 1:
        return header[0]
    listed = ", ".join(map(repr, header[:30]))
    raise UserError(f"{problem}.", where=where, todo=f"Name it with --text. Columns: {listed}.")


def _usual(trained_on: str) -> list[frozenset[str]]:
    return [frozenset({folded(trained_on)}), TEXT_NAMES]


def _new_columns(header: Sequence[str], ranks: int) -> list[str]:
    """label, probability, label_2, ...; `predicted` where there is a label already, as in data for training."""
    label = "predicted" if "label" in header else "label"
    found: list[str] = []
    for rank in range(1, ranks + 1):
        for name in (label, "probability"):
            found.append(_free(name if rank == 1 else f"{name}_{rank}", {*header, *found}))
    return found


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name = f"{name}_predicted"
    return name


@contextmanager
def replacing(path: Path) -> Iterator[IO[str]]:
    """A text file to write in UTF-8, which is at `path` once it is complete, and nowhere when the body fails."""
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("x", encoding="utf-8", newline="") as file:
            yield file
        temporary.replace(path)
    except FileExistsError as error:
        raise UserError(
            "another mctl writes this file, or one was killed.", where=str(temporary), todo="Wait, or remove it."
        ) from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_rows(header: Sequence[str], rows: Iterable[Row], file: IO[str], kind: str) -> None:
    """Write rows as "csv", "tsv" or "jsonl": fields are quoted where they have to be, and what is missing is empty."""
    if kind == "jsonl":
        if twice := next((name for name in header if list(header).count(name) > 1), None):
            raise UserError(
                f"two columns are named {twice!r}, and an object of JSON holds one of them.",
                todo="Rename one, or write CSV: --output labelled.csv.",
            )
        for row in rows:
            record = dict(zip(header, row, strict=True))
            file.write(plain_json(json.dumps(record, ensure_ascii=False, default=str)) + "\n")
        return
    writer = csv.writer(file, delimiter="\t" if kind == "tsv" else ",", lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)


def written_as(named: object) -> str:
    """The format of what is written for a file or format of this name: TSV and JSON their own, CSV for the others."""
    name = str(named).casefold().removesuffix(".gz")
    return "jsonl" if name.endswith(("jsonl", "json")) else "tsv" if name.endswith("tsv") else "csv"
