"""Folders that `datasets.Dataset.save_to_disk` and `DatasetDict.save_to_disk` write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mctl.errors import UserError


def is_saved(folder: Path) -> bool:
    """Whether `datasets` wrote the folder."""
    return (folder / "dataset_dict.json").is_file() or (
        (folder / "state.json").is_file() and any(folder.glob("*.arrow"))
    )


def saved_splits(folder: Path) -> dict[str, Any]:
    """The data sets of a folder by split; under "" one that has none.

    Raises:
        UserError: the folder is damaged.
    """
    import datasets  # a second of import, for this source only

    try:
        loaded = datasets.load_from_disk(str(folder))
    except Exception as error:  # what is damaged fails wherever its reader happens to notice
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise UserError(
            f"a data set that `save_to_disk` wrote, and that cannot be loaded: {reason}.",
            where=str(folder),
            todo="Write it again, or save it with `to_parquet` and give that file.",
        ) from error
    return dict(loaded) if isinstance(loaded, datasets.DatasetDict) else {"": loaded}
