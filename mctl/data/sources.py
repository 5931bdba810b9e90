"""From what the user named to the rows of each split: a file, a folder of splits or a hub id."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from mctl.data.columns import find_columns
from mctl.data.dataset import SplitName
from mctl.data.hub import read_hub
from mctl.data.read import READERS, read_file
from mctl.data.rows import ColumnFinder, RowSource
from mctl.data.settings import DataSettings
from mctl.data.split_names import WHOLE, split_names
from mctl.errors import UserError

_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")


def read_source(settings: DataSettings, chunk_rows: int) -> Mapping[str, RowSource]:
    """Opens each split that the source has; `WHOLE` if it has no splits. Rows come `chunk_rows` at a time.

    Raises:
        UserError: no source, or one that cannot be read.
    """
    source = settings.source
    if source is None:
        raise UserError(
            "no data is named.", todo="Give --data, or source under [data] in mctl.toml: a file, a folder or a hub id."
        )
    path = Path(source).expanduser()
    if path.is_dir():
        files = _split_files(path).items()
        return {split: read_file(file, _finder(settings, file), chunk_rows) for split, file in files}
    if path.is_file():
        return {WHOLE: read_file(path, _finder(settings, path), chunk_rows)}
    if is_hub_id(source):
        return read_hub(source, _finder(settings, source), chunk_rows)
    problem = "is not a regular file" if path.exists() else "there is no such file or folder"
    raise UserError(f"{problem}.", where=source, todo="Check the path: it is taken from the folder mctl is called in.")


def is_hub_id(source: str) -> bool:
    """Whether a source means the hub: no file or folder, and no name of a file that could be missing."""
    path = Path(source).expanduser()
    return bool(_HUB_ID.fullmatch(source)) and path.suffix.casefold() not in READERS and not path.exists()


def _finder(settings: DataSettings, where: Path | str) -> ColumnFinder:
    return lambda names: find_columns(names, text=settings.text, label=settings.label, where=str(where))


def _split_files(folder: Path) -> dict[SplitName, Path]:
    """The file of each split, train first."""
    files = [path for path in folder.iterdir() if path.suffix.casefold() in READERS and path.is_file()]
    return {split: folder / name for split, name in split_names([path.name for path in files], str(folder)).items()}
