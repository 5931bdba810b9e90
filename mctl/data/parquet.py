"""Parquet files, those of the `datasets` library among them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mctl.data.dataset import Columns
from mctl.data.rows import ColumnFinder, Rows, RowSource, to_rows
from mctl.errors import UserError

# A row group may be the whole file: it is read through a window instead of at once.
_WINDOW_BYTES = 1 << 20


def read_parquet(path: Path, find: ColumnFinder, chunk_rows: int) -> RowSource:
    """Opens a Parquet file; ids of classes become names if the file says what they are called."""
    with _explained(path):
        file = pq.ParquetFile(path, pre_buffer=False, buffer_size=_WINDOW_BYTES)
        columns = find(file.schema_arrow.names)
        feature = _label_feature(file.schema_arrow, columns, str(path))
    return RowSource(columns, _rows(file, columns, feature, chunk_rows, path))


def _rows(file: Any, columns: Columns, feature: object, chunk_rows: int, path: Path) -> Iterator[Rows]:
    number = 1
    with file, _explained(path):
        for batch in file.iter_batches(chunk_rows, columns=list(columns)):
            texts = _values(batch, columns.text, number, path)
            labels = class_names_for(_values(batch, columns.label, number, path), feature)
            yield to_rows(texts, labels, range(number, number + len(texts)), columns, str(path))
            number += len(texts)


def _values(batch: Any, column: str, first: int, path: Path) -> list[object]:
    """One column of a batch whose first row is number `first`. Parquet does not check that its strings are UTF-8."""
    values = batch[column]
    try:
        return list(values.to_pylist())
    except UnicodeDecodeError:
        return [_value(value, f"{path}, row {row}, column {column}") for row, value in enumerate(values, first)]


def _value(value: Any, where: str) -> object:
    try:
        return value.as_py()
    except UnicodeDecodeError as error:
        raise UserError(f"{error.object[:40]!r} is not UTF-8.", where=where, todo="Write the file anew.") from error


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except pa.ArrowException as error:
        first_line = str(error).splitlines()[0]
        raise UserError(f"is not a Parquet file: {first_line}", where=str(path), todo="Write it anew.") from error
    except UnicodeDecodeError as error:
        raise UserError(
            f"a name in it is not UTF-8: {error.object[:40]!r}.", where=str(path), todo="Write the file anew."
        ) from error


def _label_feature(schema: Any, columns: Columns, where: str) -> object:
    """What `datasets` noted about the label column, if it wrote the file."""
    if b"huggingface" not in (schema.metadata or {}):
        return None
    from datasets import Features  # a second of import, for the few files that need it

    chosen = pa.schema([schema.field(name) for name in columns], metadata=schema.metadata)
    try:
        return Features.from_arrow_schema(chosen).get(columns.label)
    except Exception as error:  # what is not as `datasets` writes it fails wherever its reader happens to notice
        raise UserError(f"its `huggingface` metadata cannot be read: {error}.", where=where) from error


def class_names_for(values: list[object], feature: object) -> list[object]:
    """Replaces the ids of a `datasets.ClassLabel` by its names, and -1, which means unlabelled, by None."""
    names = getattr(feature, "names", None)
    if names is None:
        return values
    return [names[v] if isinstance(v, int) and 0 <= v < len(names) else None for v in values]
