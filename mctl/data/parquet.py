"""Parquet files, those of the `datasets` library among them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mctl.data.content import Content
from mctl.data.rows import CHUNK_ROWS
from mctl.data.table import Dialect, Table, TableRow
from mctl.errors import UserError

# A row group may be the whole file: it is read through a window instead of at once.
_WINDOW_BYTES = 1 << 20


def open_parquet(content: Content, dialect: Dialect) -> Table:
    """Opens a Parquet file; ids of classes become names if the file says what they are called."""
    with _explained(content.name):
        file = pq.ParquetFile(content.open(), pre_buffer=False, buffer_size=_WINDOW_BYTES)
        header = list(file.schema_arrow.names)
    return Table(header, lambda places, key: _rows(file, [header[place] for place in places], content.name))


def _rows(file: Any, names: Sequence[str], where: str) -> Iterator[TableRow]:
    number = 1
    with file, _explained(where):
        features = _features(file.schema_arrow, names, where)
        for batch in file.iter_batches(CHUNK_ROWS, columns=list(dict.fromkeys(names))):
            columns = [class_names_for(_values(batch, name, number, where), features.get(name)) for name in names]
            for cells in zip(*columns, strict=True):
                yield number, cells
                number += 1


def _values(batch: Any, column: str, first: int, where: str) -> list[object]:
    """One column of a batch whose first row is number `first`. Parquet does not check that its strings are UTF-8."""
    values = batch[column]
    try:
        return list(values.to_pylist())
    except UnicodeDecodeError:
        return [_value(value, f"{where}, row {row}, column {column}") for row, value in enumerate(values, first)]


def _value(value: Any, where: str) -> object:
    try:
        return value.as_py()
    except UnicodeDecodeError as error:
        raise UserError(f"{error.object[:40]!r} is not UTF-8.", where=where, todo="Write the file anew.") from error


@contextmanager
def _explained(where: str) -> Iterator[None]:
    try:
        yield
    except pa.ArrowException as error:
        first_line = str(error).splitlines()[0]
        raise UserError(f"is not a Parquet file: {first_line}", where=where, todo="Write it anew.") from error
    except UnicodeDecodeError as error:
        raise UserError(
            f"a name in it is not UTF-8: {error.object[:40]!r}.", where=where, todo="Write the file anew."
        ) from error


def _features(schema: Any, names: Sequence[str], where: str) -> dict[str, object]:
    """What `datasets` noted about some columns, if it wrote the file."""
    if b"huggingface" not in (schema.metadata or {}):
        return {}
    from datasets import Features  # a second of import, for the few files that need it

    chosen = pa.schema([schema.field(name) for name in dict.fromkeys(names)], metadata=schema.metadata)
    try:
        return dict(Features.from_arrow_schema(chosen))
    except Exception as error:  # what is not as `datasets` writes it fails wherever its reader happens to notice
        raise UserError(f"its `huggingface` metadata cannot be read: {error}.", where=where) from error


def class_names_for(values: list[object], feature: object) -> list[object]:
    """Replaces the ids of a `datasets.ClassLabel` by its names, and -1, which means unlabelled, by None."""
    names = getattr(feature, "names", None)
    if names is None:
        return values
    return [names[v] if isinstance(v, int) and 0 <= v < len(names) else None for v in values]
