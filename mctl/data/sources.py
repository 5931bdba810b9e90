"""From what the user named to the rows of each split: a file, a folder of splits or a hub id."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mctl.data.columns import find_columns
from mctl.data.dataset import SplitName
from mctl.data.hub import load_hub, open_split
from mctl.data.numbering import numbered
from mctl.data.read import READERS, has_reader, read_file
from mctl.data.report import Finding
from mctl.data.rows import CHUNK_ROWS, ColumnFinder, Rows, RowSource
from mctl.data.saved import is_saved, saved_splits
from mctl.data.settings import DataSettings
from mctl.data.split_names import WHOLE, NamedSplits, split_names, split_of
from mctl.data.table import Dialect
from mctl.errors import UserError

_OTHER_TABLES = frozenset(
    (
        ".xls",
        ".xlsm",
        ".xlsb",
        ".ods",
        ".ndjson",
        ".tab",
        ".psv",
        ".arrow",
        ".feather",
        ".orc",
        ".avro",
        ".bz2",
        ".xz",
        ".zst",
    )
)
"""Endings of files that may hold rows and that have no reader."""
_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")


def read_source(settings: DataSettings, chunk_rows: int, *, to_judge: bool = False) -> Mapping[str, RowSource]:
    """Opens each split that the source has; `WHOLE` if it has no splits. Rows come `chunk_rows` at a time.

    Args:
        settings: `source` and `test`, and how they are read.
        chunk_rows: rows that are read at a time.
        to_judge: the rows are to judge a model and not to make one: a file is a test split as a whole, and a folder
            needs no train split.

    Raises:
        UserError: no source, or one that cannot be read.
    """
    if to_judge:
        return _with_test_named(_opened(settings, chunk_rows, given=("train", "dev")))
    if settings.test_file is None:
        return _opened(settings, chunk_rows)
    splits = dict(_opened(settings, chunk_rows, given=("test",)))
    if "test" in splits:
        raise UserError(
            f"there is a test split, and {settings.test_file} is to be another one.",
            where=str(settings.source),
            todo="Leave out --test, or name under [data] in mctl.toml what is not to be used: ignore = [...].",
        )
    return splits | {"test": _test_file(settings, settings.test_file, chunk_rows)}


def check_source(settings: DataSettings) -> None:
    """Refuses at once what can be refused without reading rows: a missing file, an ending, splits, columns.

    What is on the hub or saved by `datasets` is left to `read_source`; so is a test file of data that are not named,
    whose columns are not known here.

    Raises:
        UserError: as `read_source`.
    """
    source = settings.source
    if source is None:
        if settings.test_file is not None:
            _test_path(settings, settings.test_file)
    elif not is_hub_id(source) and not is_saved(Path(source).expanduser()):
        read_source(settings, CHUNK_ROWS)


def _with_test_named(splits: Mapping[str, RowSource]) -> Mapping[str, RowSource]:
    return {"test": splits[WHOLE]} if WHOLE in splits else splits


def _test_path(settings: DataSettings, name: str) -> Path:
    path = Path(name).expanduser()
    if not name.strip() or not path.is_file():
        problem = "this is a folder, not a file" if name.strip() and path.is_dir() else "there is no such file"
        raise UserError(
            f"{problem}.",
            where=f"--test {name}",
            todo="Name a file of labelled texts to test on, or a share such as 0.2.",
        )
    source = Path(str(settings.source)).expanduser()
    if source.exists() and path.samefile(source):
        raise UserError(
            "the test file is the data themselves.", where=f"--test {name}", todo="Name another file, or leave it out."
        )
    return path


def _test_file(settings: DataSettings, name: str, chunk_rows: int) -> RowSource:
    path = _test_path(settings, name)
    return read_file(path, _finder(settings, path), chunk_rows, _dialect(settings))


def _opened(settings: DataSettings, chunk_rows: int, given: Sequence[SplitName] = ()) -> Mapping[str, RowSource]:
    source = settings.source
    if source is None or not source.strip():
        raise UserError(
            "no data is named." if source is None else "the name of the data is empty.",
            where=None if source is None else "--data",
            todo="Give --data, or source under [data] in mctl.toml: a file, a folder or a hub id.",
        )
    path = Path(source).expanduser()
    if path.is_dir():
        return _folder(path, settings, chunk_rows, given)
    if path.is_file():
        return {WHOLE: read_file(path, _finder(settings, path), chunk_rows, _dialect(settings))}
    if is_hub_id(source):
        return _library(load_hub(source), source, settings, chunk_rows, given)
    problem = "is not a regular file" if path.exists() else "there is no such file or folder"
    raise UserError(f"{problem}.", where=source, todo="Check the path: it is taken from the folder mctl is called in.")


def has_train(settings: DataSettings) -> bool:
    """Whether a folder has a train split: a folder without one can judge a model and not make one."""
    folder = Path(str(settings.source)).expanduser()
    if is_saved(folder):
        return set(saved_splits(folder)) & {"", "train"} != set()
    return any(split_of(name) == "train" for name in [*_files(folder), *_files(folder / "data")])


def is_hub_id(source: str) -> bool:
    """Whether a source means the hub: no file or folder, and no name of a file that could be missing."""
    path = Path(source).expanduser()
    return bool(_HUB_ID.fullmatch(source)) and not has_reader(path) and not path.exists()


def _finder(settings: DataSettings, where: Path | str) -> ColumnFinder:
    return lambda names: find_columns(names, text=settings.text, label=settings.label, where=str(where))


def _dialect(settings: DataSettings) -> Dialect:
    return Dialect(settings.quotes, settings.sheet)


def _folder(
    folder: Path, settings: DataSettings, chunk_rows: int, given: Sequence[SplitName]
) -> Mapping[str, RowSource]:
    """A folder with a file, or several shards, for each split; or one that `datasets` saved."""
    if is_saved(folder):
        return _library(saved_splits(folder), str(folder), settings, chunk_rows, given)
    names, unread = _files(folder), _unread(folder)
    if not names and (inner := _files(folder / "data")):  # The layout of a data set's repository on the hub.
        folder, names = folder / "data", inner
        unread |= _unread(folder)
    else:
        unread |= dict.fromkeys(_splits_below(folder), "does not lie beside the others")
    named = split_names(names, str(folder), ignore=settings.ignore, given=_given(given, names), unread=unread)
    splits: dict[str, RowSource] = {}
    for split, its_names in named.names.items():
        sources = [
            read_file(folder / name, _finder(settings, folder / name), chunk_rows, _dialect(settings))
            for name in its_names
        ]
        splits[split] = _joined(sources, its_names)
    return _with_finding(splits, named, "files")


def _files(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    return [path.name for path in folder.iterdir() if has_reader(path) and path.is_file() and path.name[:1] != "."]


def _splits_below(folder: Path) -> list[str]:
    """Files of the folders in a folder that are named as splits."""
    return [
        f"{below.name}/{name}"
        for below in sorted(folder.iterdir())
        if below.is_dir() and below.name[:1] != "." and os.access(below, os.R_OK | os.X_OK)
        for name in [*_files(below), *_unread(below)]
        if split_of(name)
    ]


def _unread(folder: Path) -> dict[str, str]:
    """What cannot be read and has the name of a split or the ending of a table, with the reason."""
    paths = sorted(folder.iterdir()) if folder.is_dir() else ()
    return {
        path.name: _why_unread(path)
        for path in paths
        if path.name[:1] != "." and not (has_reader(path) and path.is_file())
        if split_of(path.name) or path.suffix.casefold() in _OTHER_TABLES or has_reader(path)
    }


def _why_unread(path: Path) -> str:
    if path.is_dir():
        return "is a folder"
    if not path.is_file():
        return "is a link to nothing" if path.is_symlink() else "is not a regular file"
    if path.suffix.casefold() in (".xls", ".ods"):
        return "has to be saved as .xlsx first"
    return f"has an ending that is none of {', '.join(READERS)} (with .gz, or .zip)"


def _library(
    loaded: Mapping[str, Any], where: str, settings: DataSettings, chunk_rows: int, given: Sequence[SplitName]
) -> Mapping[str, RowSource]:
    """The splits of the library `datasets`."""
    if set(loaded) == {""}:
        return {WHOLE: open_split(loaded[""], _finder(settings, where), chunk_rows, where)}
    named = split_names(list(loaded), where, ignore=settings.ignore, given=_given(given, list(loaded)))
    splits: dict[str, RowSource] = {}
    for split, its_names in named.names.items():
        name = its_names[0]
        splits[split] = open_split(loaded[name], _finder(settings, where), chunk_rows, f"{where}, {name}")
    return _with_finding(splits, named, "splits")


def _given(given: Sequence[SplitName], names: Sequence[str]) -> Sequence[SplitName]:
    """What need not be there: to judge a model, train and dev, if there is a test split."""
    if "train" not in given:
        return given
    test_only = any(split_of(name) == "test" for name in names)
    return given if test_only else ()


def _with_finding(splits: dict[str, RowSource], named: NamedSplits, what: str) -> dict[str, RowSource]:
    if named.passed_over:
        listed = ", ".join(named.passed_over)
        found = Finding("passed_over", len(named.passed_over), f"{what} that are not read: {listed}")
        first = next(iter(splits))
        splits[first] = replace(splits[first], findings=(*splits[first].findings, found))
    return splits


def _joined(sources: Sequence[RowSource], names: Sequence[str]) -> RowSource:
    """Several shards as one source."""
    if len(sources) == 1:
        return sources[0]
    other = next((source.columns for source in sources if source.columns != sources[0].columns), None)
    if other is not None:
        raise UserError(f"shards of one split have other columns: {sources[0].columns} and {other}.")
    findings = tuple(found for source in sources for found in source.findings)
    return RowSource(sources[0].columns, _numbered(sources), findings, tuple(names))


def _numbered(sources: Sequence[RowSource]) -> Iterator[Rows]:
    for file, source in enumerate(sources):
        for rows in source.chunks:
            yield replace(rows, numbers=[numbered(file, line) for line in rows.numbers])
