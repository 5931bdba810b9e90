"""A data set of the Hugging Face hub, or of its local cache."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mctl.data.dataset import Columns
from mctl.data.parquet import class_names_for
from mctl.data.rows import ColumnFinder, Rows, RowSource, at_least_one, to_rows
from mctl.data.split_names import split_names
from mctl.errors import UserError


def read_hub(hub_id: str, find: ColumnFinder, chunk_rows: int) -> dict[str, RowSource]:
    """Opens the splits of `user/name`. Nothing of it is executed: `datasets` 4 and later run no loading scripts.

    Raises:
        UserError: the hub cannot be reached, the data set cannot be loaded, or it has no train split.
    """
    loaded = _load(hub_id)
    names = split_names([str(name) for name in loaded], hub_id)
    return {split: _open(loaded[name], find, chunk_rows, f"{hub_id}, {name}") for split, name in names.items()}


def _load(hub_id: str) -> Any:
    import datasets  # a second of import, for this source only

    try:
        return datasets.load_dataset(hub_id)
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise UserError(
            f"neither a folder here nor a data set that could be loaded from the hub: {reason}.",
            where=hub_id,
            todo="Check the name and the network; or download the data elsewhere and give the file or folder.",
        ) from error


def _open(split: Any, find: ColumnFinder, chunk_rows: int, where: str) -> RowSource:
    columns = find(split.column_names)
    return RowSource(columns, at_least_one(_rows(split, columns, chunk_rows, where), where))


def _rows(split: Any, columns: Columns, chunk_rows: int, where: str) -> Iterator[Rows]:
    """The rows of one `datasets.Dataset`, which lies in files."""
    tables = split.select_columns(list(columns)).with_format("arrow").iter(chunk_rows)
    number = 1
    for table in tables:
        texts = table[columns.text].to_pylist()
        labels = class_names_for(table[columns.label].to_pylist(), split.features[columns.label])
        yield to_rows(texts, labels, range(number, number + len(texts)), columns, where)
        number += len(texts)
