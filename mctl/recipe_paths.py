"""Which settings are paths, and what they are relative to.

Paths in a recipe are relative to the recipe's folder, and paths in flags to the folder that the command runs in.
Recipes of version 1 (mctl 0.1.0 wrote no version) keep their meaning: their paths are relative to the folder that the
command runs in.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from mctl.data.sources import is_hub_id
from mctl.errors import UserError

logger = logging.getLogger(__name__)

VERSION = 2
DEFAULT_ARTIFACTS = "artifacts"
_MODEL_ID = re.compile(r"(?:[\w-][\w.-]*/)?[\w-][\w.-]*(?:@[^/]+)?")


def _names_no_folder(value: str) -> bool:
    return bool(_MODEL_ID.fullmatch(value))


def _is_share(value: str) -> bool:
    """Whether a value is a number, as a flag gives it."""
    try:
        float(value)
    except ValueError:
        return False
    return True


# Settings that hold a path, and how to tell a value that is none: a hub id, or the word "none".
PATHS: Mapping[str, Callable[[str], bool]] = {
    "artifacts": lambda value: False,
    "data.source": is_hub_id,
    "data.test": _is_share,
    "model.name": _names_no_folder,
    "compress.teacher": _names_no_folder,
    "compress.distill_from": _names_no_folder,
    "compress.vocab_corpus": lambda value: False,
    "compress.unlabelled": lambda value: False,
    "gate.against": lambda value: False,
    "bench.baseline": lambda value: value == "none",
}


_FLAGS = {"data.source": "data", "model.name": "model"}
"""What the flag of a setting is called, where it is not called as the setting."""


def expanded(value: str | Path, where: str) -> str:
    """A path with `~` and `~name` at its beginning replaced by the home folder.

    With `./` before it, `~` is a name as any other; the path is then absolute, so that it stays one.

    Args:
        value: a path as a user wrote it.
        where: the flag or setting, for the message.

    Raises:
        UserError: there is no such home folder.

    Example:
        >>> expanded("news.csv", "--data")
        'news.csv'
    """
    try:
        if not str(value).startswith("~"):
            return str(Path(value).absolute() if str(Path(value)).startswith("~") else value)
        return str(Path(value).expanduser())
    except RuntimeError as error:
        name = Path(value).parts[0]
        raise UserError(
            f"there is no home folder for {name}.", where=where, todo=f"For a name that begins with ~, write ./{value}."
        ) from error


def flag_path(dotted: str, value: Any) -> Any:
    """The value of a flag, with the home folder in the place of `~` where the setting is a path."""
    if dotted not in PATHS:
        return value
    flag = _FLAGS.get(dotted, dotted.split(".")[-1].replace("_", "-"))
    return _each(value, lambda one: expanded(one, f"--{flag}"))


def place(values: dict[str, Any], file: Path, version: int) -> None:
    """Replace the paths of a recipe's values by paths that hold where the command runs.

    Args:
        values: what the file says, as nested tables.
        file: the recipe.
        version: of the recipe; version 1 stays relative to the folder that the command runs in.

    Raises:
        UserError: a home folder that does not exist.
    """
    folder = file.parent
    elsewhere = folder.resolve() != Path.cwd()
    moved = []
    for dotted, is_no_path in PATHS.items():
        table, key = _table(values, dotted)
        if table is None or key not in table:
            continue
        table[key] = _each(table[key], partial(expanded, where=f"{file}, {dotted}"))
        if not elsewhere:
            continue
        there = _each(table[key], partial(_relative_to, folder=folder, is_no_path=is_no_path))
        if there != table[key]:
            moved.append(dotted)
            table[key] = there if version >= VERSION else table[key]
    if elsewhere and "artifacts" not in values:
        moved.insert(0, "artifacts")
        if version >= VERSION:
            values["artifacts"] = str(folder / DEFAULT_ARTIFACTS)
    if moved and version < VERSION:
        logger.warning(
            "%s has no version, so its paths (%s) are relative to the folder that the command runs in, as in mctl "
            "0.1.0. With `version = %d` as its first line they are relative to its own folder.",
            file,
            ", ".join(moved),
            VERSION,
        )


def seen_from(folder: Path, dotted: str, value: str) -> str:
    """A flag's value as a recipe in `folder` has to name it. What is absolute, or begins with `~`, stays so."""
    if dotted not in PATHS or Path(value).is_absolute() or value.startswith("~"):
        return value
    here = folder.resolve() == Path.cwd()
    if here or (PATHS[dotted](expanded(value, dotted)) and not Path(value).exists()):
        return value
    way = os.path.relpath(Path(value).absolute(), folder.resolve())
    return f"./{way}" if way.startswith("~") else way


def _table(values: dict[str, Any], dotted: str) -> tuple[dict[str, Any] | None, str]:
    *sections, key = dotted.split(".")
    table: Any = values
    for section in sections:
        table = table.get(section)
        if not isinstance(table, dict):
            return None, key
    return table, key


def _each(value: Any, change: Callable[[str], str]) -> Any:
    """`change` of a path or of each path of a list; anything else (a share, a wrong type) is left as it is."""
    if isinstance(value, list | tuple):
        return [_each(one, change) for one in value]
    return change(str(value)) if isinstance(value, str | Path) else value


def _relative_to(value: str, folder: Path, is_no_path: Callable[[str], bool]) -> str:
    """`value` seen from the folder that the command runs in.

    What may be a hub id is one unless something of that name is there. With "./" at its beginning, a path that does
    not exist cannot be taken for a hub id later.
    """
    if not value or Path(value).is_absolute():
        return value
    path = folder / value
    if path.exists():
        return str(path)
    if is_no_path(value) and not Path(value).exists():
        return value
    return str(path) if path.is_absolute() else f"{os.curdir}{os.sep}{path}"
