"""Files of further texts, without labels: what `[compress] vocab_corpus` and `unlabelled` name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mctl.artifact import sha256_of
from mctl.data.columns import TEXT_NAMES
from mctl.data.content import open_content
from mctl.data.dataset import Columns
from mctl.data.lines import Lines
from mctl.data.read import has_reader, read_file
from mctl.data.rows import CHUNK_ROWS
from mctl.data.settings import DataSettings, Quotes
from mctl.data.sniff import check_is_text
from mctl.data.table import Dialect
from mctl.data.text import folded, shortened, tidy
from mctl.errors import UserError
from mctl.progress import Progress, Silent


@dataclass(frozen=True)
class Corpus:
    """Texts in a file: the text column of a data file, or the lines of any other one that is not blank.

    Attributes:
        path: of the file.
        column: what the text column is called elsewhere; used where the file has one of this name.
        flag: that the user named it with.
        quotes: what double quotes mean in CSV and TSV, see `mctl.data.DataSettings`.
        sheet: of a workbook; one without this sheet is read by its first one.
        progress: is told what is passed over, such as other sheets.
    """

    path: Path
    column: str | None = None
    flag: str = "--vocab-corpus"
    quotes: Quotes = "checked"
    sheet: str | None = None
    progress: Progress = field(default_factory=Silent)

    def __iter__(self) -> Iterator[str]:
        texts = self._rows() if has_reader(self.path) else self._lines()
        yield from filter(None, texts)

    def _rows(self) -> Iterator[str]:
        dialect = Dialect(self.quotes, self.sheet, sheet_if_there=True)
        source = read_file(self.path, self._columns, CHUNK_ROWS, dialect)
        self.progress.say_once(*(f"{self.flag} {self.path}: {found.what_was_done}" for found in source.findings))
        for rows in source.chunks:
            yield from rows.texts

    def _lines(self) -> Iterator[str]:
        lines = Lines(open_content(self.path))
        for line in lines:
            lines.record.clear()
            yield tidy(line)
        lines.close()

    def _columns(self, names: Sequence[str]) -> Columns:
        """The text column, in the place of a label column too: a corpus needs none."""
        wanted = {folded(self.column)} if self.column else set()
        for known in (wanted, TEXT_NAMES):
            found = [name for name in names if folded(name) in known]
            if len(found) == 1:
                return Columns(found[0], found[0])
        if len(names) == 1:
            return Columns(names[0], names[0])
        listed = ", ".join(repr(shortened(name)) for name in names[:30])
        raise UserError(
            "it is not plain which column holds the texts.",
            where=f"{self.flag} {self.path}",
            todo=f"Call it as in the data, or 'text'. Columns: {listed}.",
        )


def unusual_reading(settings: DataSettings) -> dict[str, str]:
    """What the stage key needs to know, beside the content of corpora, of how their tables are read.

    Usual settings are left out, so that keys of mctl 0.1.0 stay what they are.
    """
    unusual = settings.model_dump(include={"quotes", "sheet"}, exclude_defaults=True)
    return {f"corpus_{name}": str(value) for name, value in unusual.items()}


def corpus_hashes(paths: Sequence[str], flag: str = "--vocab-corpus") -> dict[Path, str]:
    """SHA-256 of the files, each of which is there and, as far as its beginning shows, readable.

    Raises:
        UserError: a file is missing, empty, or certainly no text.
    """
    return {path: _hash(path, f"{flag} {path}", flag) for path in map(Path, paths)}


def _hash(path: Path, where: str, flag: str) -> str:
    if not path.is_file():
        problem = "this is no regular file" if path.exists() else "there is no such file"
        raise UserError(f"{problem}.", where=where, todo=f"Name files of texts, one {flag} for each.")
    try:
        content = open_content(path)
        if content.ending not in (".parquet", ".xlsx"):
            check_is_text(content)
        return sha256_of(path)
    except OSError as error:
        raise UserError(f"it cannot be read: {error.strerror}.", where=where) from error
