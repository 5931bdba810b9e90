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
            texts = batch[columns.text].to_pylist()
            labels = class_names_for(batch[columns.label].to_pylist(), feature)
            yield to_rows(texts, labels, range(number, number + len(texts)), columns, str(path))
            number += len(texts)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except pa.ArrowException as error:
        first_line = str(error).splitlines()[0]
        raise UserError(f"is not a Parquet file: {first_line}", where=str(path), todo="Write it anew.") from error


def _label_feature(schema: Any, columns: Columns, where: str) -> object:
    """What `datasets` noted about the label column, if it wrote the file."""
    if b"huggingface" not in (schema.metadata or {}):
        return None
    from datasets import Features  # a second of import, for the few files that need it

    chosen = pa.schema([schema.field(name) for name in columns], metadata=schema.metadata)
    try:
        return Features.from_arrow_schema(chosen).get(columns.label)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"its `huggingface` metadata cannot be read: {error}.", where=where) from error


def class_names_for(values: list[object], feature: object) -> list[object]:
    """Replaces the ids of a `datasets.ClassLabel` by its names, and -1, which means unlabelled, by None."""
    names = getattr(feature, "names", None)
    if names is None:
        return values
    return [names[v] if isinstance(v, int) and 0 <= v < len(names) else None for v in values]
