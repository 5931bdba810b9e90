"""Labels for the rows of a table: all its columns, and those of the prediction beside them."""

from __future__ import annotations

import csv
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, BinaryIO, Literal

from mctl.data.cells import as_field, as_json
from mctl.data.columns import LABEL_NAMES, TEXT_NAMES
from mctl.data.labels import label_key
from mctl.data.read import has_reader, read_table
from mctl.data.rows import as_text
from mctl.data.table import Dialect
from mctl.data.text import folded, shortened
from mctl.errors import UserError
from mctl.pipeline.predict import TextClassifier
from mctl.progress import Progress
from mctl.report.plain import plain_json

logger = logging.getLogger(__name__)
Row = Sequence[object]
_WRITTEN = (".csv", ".tsv", ".jsonl", ".json")
_FIRST = 5


@dataclass
class LabelledTable:
    """A table whose rows are labelled as they are gone through, once.

    Attributes:
        header: its columns, and those of the prediction.
        rows: the cells as they were read, then a label and its probability, `top_k` times.
        labels: rows gone through whose label the table has and the model knows.
        right: those of them that are labelled so.
        header_rows: numbers of the rows gone through that repeat the header.
    """

    header: list[str]
    rows: Iterator[Row]
    labels: int = 0
    right: int = 0
    header_rows: list[int] = field(default_factory=list)

    def told(self) -> list[str]:
        """What there is to say of it, once its rows are gone through."""
        lines = []
        if self.header_rows:
            more = ", ..." if len(self.header_rows) > _FIRST else ""
            listed = ", ".join(map(str, self.header_rows[:_FIRST]))
            lines.append(
                f"{len(self.header_rows)} rows repeat the header; they are labelled like texts: {listed}{more}"
            )
        if self.labels:
            share = f"{100 * self.right / self.labels:.1f} % (no verdict)"
            lines.append(f"accuracy on the {self.labels} rows with a label of the model: {share}")
        return lines


def label_table(
    classifier: TextClassifier,
    source: Path | BinaryIO,
    format: str | None,
    *,
    dialect: Dialect,
    label_spelling: Literal["exact", "fold"] = "exact",
    column: str | None,
    batch_size: int,
    top_k: int,
    progress: Progress,
) -> LabelledTable:
    """Label the texts of a table.

    Args:
        classifier: what labels.
        source: a file, or a binary stream.
        format: see `mctl.data.read_table`; None: by the file's ending.
        dialect: what the table does not say of itself.
        label_spelling: as in `mctl.data.DataSettings`, for the labels that the table may have.
        column: of the texts. By default the column that the classifier was trained on, or one with a usual name.
        batch_size: texts a call.
        top_k: labels a text.
        progress: hears of the texts that are labelled.

    Raises:
        UserError: as `read_table`, or no such column.
    """
    header, chunks = read_table(source, format, dialect)
    where = str(source) if isinstance(source, Path) else "stdin"
    place = header.index(_text_column(header, column, classifier, where))
    label_place = _label_place(header, place, classifier)
    key = label_key(label_spelling)
    classes = {key(name): name for name in classifier.classes}
    if len(classes) < len(classifier.classes):  # They differ in their spelling alone.
        key = label_key("exact")
        classes = {key(name): name for name in classifier.classes}
    names = [folded(name) for name in header]
    new = _new_columns(header, min(top_k, len(classifier.classes)))

    def rows() -> Iterator[Row]:
        done = 0
        for chunk in chunks:
            labelled = classifier([as_text(cells[place]) for _, cells in chunk], batch_size, top_k)
            for (number, cells), one in zip(chunk, labelled, strict=True):
                if folded(as_text(cells[place])) == names[place] and [folded(as_text(cell)) for cell in cells] == names:
                    table.header_rows.append(number)
                if label_place is not None:
                    known = classes.get(key(as_text(cells[label_place])))
                    table.labels += known is not None
                    table.right += known == one.label
                yield [*cells, *(value for pair in one.ranked for value in (pair[0], round(pair[1], 6)))]
            done += len(chunk)
            progress.advance(done)

    table = LabelledTable([*header, *new], rows())
    return table


def _label_place(header: Sequence[str], text_place: int, classifier: TextClassifier) -> int | None:
    """The column of labels, if it is plain which one it is: that of the training, or the one with a usual name."""
    trained_on = classifier.artifact.manifest.data.get("columns", {}).get("label", "")
    for names in (frozenset({folded(trained_on)}), LABEL_NAMES):
        found = [place for place, name in enumerate(header) if folded(name) in names and place != text_place]
        if len(found) == 1:
            return found[0]
    return None


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
        logger.warning(
            "%s: the first row, %r, is taken for the name of the column. A file with a text a line and no header is "
            "read from standard input: mctl predict < FILE",
            where,
            shortened(header[0]),
        )
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


def check_ending(path: Path) -> None:
    """Refuse a file to write whose ending promises what is not written.

    Raises:
        UserError: such as for `.xlsx`.
    """
    if has_reader(path) and path.suffix.casefold() not in _WRITTEN:
        raise UserError(
            f"predict does not write {path.suffix}.",
            where=f"--output {path}",
            todo=f"Choose another ending: {', '.join(_WRITTEN)}.",
        )


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
            file.write(plain_json(as_json(record)) + "\n")
        return
    writer = csv.writer(file, delimiter="\t" if kind == "tsv" else ",", lineterminator="\n")
    writer.writerow(header)
    writer.writerows([as_field(cell) for cell in row] for row in rows)


def written_as(named: object) -> str:
    """The format of what is written for a file or format of this name: TSV and JSON their own, CSV for the others."""
    name = str(named).casefold().removesuffix(".gz")
    return "jsonl" if name.endswith(("jsonl", "json")) else "tsv" if name.endswith("tsv") else "csv"
