"""A data set of the Hugging Face hub, or of its local cache."""

from __future__ import annotations

from typing import Any

from mctl.data.read import class_names_for
from mctl.data.rows import ColumnFinder, Rows, to_rows
from mctl.data.split_names import split_names
from mctl.errors import UserError


def read_hub(hub_id: str, find: ColumnFinder) -> dict[str, Rows]:
    """Loads the splits of `user/name`. Nothing of it is executed: `datasets` 4 and later run no loading scripts.

    Raises:
        UserError: the hub cannot be reached, the data set cannot be loaded, or it has no train split.
    """
    loaded = _load(hub_id)
    names = split_names([str(name) for name in loaded], hub_id)
    return {split: _hub_rows(loaded[name], find, f"{hub_id}, {name}") for split, name in names.items()}


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


def _hub_rows(rows: Any, find: ColumnFinder, where: str) -> Rows:
    """The rows of one `datasets.Dataset`."""
    columns = find(rows.column_names)
    table = rows.select_columns(list(columns)).to_dict()
    labels = class_names_for(table[columns.label], rows.features[columns.label])
    return to_rows(table[columns.text], labels, range(1, rows.num_rows + 1), columns, where)
