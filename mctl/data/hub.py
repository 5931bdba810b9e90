"""Data sets of the library `datasets`: of the hub, of its local cache, or saved to disk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mctl.data.dataset import Columns
from mctl.data.parquet import class_names_for
from mctl.data.rows import ColumnFinder, Rows, RowSource, at_least_one, to_rows
from mctl.errors import UserError


def load_hub(hub_id: str) -> dict[str, Any]:
    """The splits of `user/name`. Nothing of it is executed: `datasets` 4 and later run no loading scripts.

    Raises:
        UserError: the hub cannot be reached, or the data set cannot be loaded.
    """
    import datasets  # a second of import, for this source only

    try:
        return {str(name): split for name, split in datasets.load_dataset(hub_id).items()}
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise UserError(
            f"neither a folder here nor a data set that could be loaded from the hub: {reason}.",
            where=hub_id,
            todo="Check the name and the network; or download the data elsewhere and give the file or folder.",
        ) from error


def open_split(split: Any, find: ColumnFinder, chunk_rows: int, where: str) -> RowSource:
    """The rows of one `datasets.Dataset`, which lies in files."""
    columns = find(split.column_names)
    return RowSource(columns, at_least_one(_rows(split, columns, chunk_rows, where), where))


def _rows(split: Any, columns: Columns, chunk_rows: int, where: str) -> Iterator[Rows]:
    tables = split.select_columns(list(columns)).with_format("arrow").iter(chunk_rows)
    number = 1
    for table in tables:
        texts = table[columns.text].to_pylist()
        labels = class_names_for(table[columns.label].to_pylist(), split.features[columns.label])
        yield to_rows(texts, labels, range(number, number + len(texts)), columns, where)
        number += len(texts)
