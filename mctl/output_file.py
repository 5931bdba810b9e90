"""A file that a command writes where the user says: a recipe, labels."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from mctl.artifact import make_folder
from mctl.errors import UserError


def check_output_file(path: Path, flag: str, *, replace: bool) -> None:
    """Refuse a place where no file can be written, or where one is.

    Links, folders, devices and pipes are never replaced.

    Args:
        path: the place.
        flag: the option that names it.
        replace: the user allows to replace a file.

    Raises:
        UserError: something is in the way.
    """
    other = f"Name another file with {flag}."
    for is_one, what in (
        (path.is_symlink(), "a link is in the way."),
        (path.is_dir(), "this is a folder."),
        (path.exists() and not path.is_file(), "this is a device or a pipe, and no file."),
    ):
        if is_one:
            raise UserError(what, where=str(path), todo=other)
    if path.exists() and not replace:
        raise UserError(
            "it is there already.", where=str(path), todo=f"{other[:-1]}, or replace this one with --force."
        )


@contextmanager
def writing_output(path: Path, flag: str, *, replace: bool) -> Iterator[IO[str]]:
    """A text file to write in UTF-8, which is at `path` once it is complete, and nowhere when the body fails.

    Half a pair of surrogates has no bytes: it is written as JSON escapes it. A file that came to
    be at `path` in the meantime stays.

    Args:
        path: the place.
        flag: see `check_output_file`.
        replace: see `check_output_file`.

    Raises:
        UserError: as `check_output_file`, before the body or after it. What was written is then kept beside `path`.
    """
    check_output_file(path, flag, replace=replace)
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        file = temporary.open("x", encoding="utf-8", errors="backslashreplace", newline="")
    except FileExistsError as error:
        raise UserError(
            "another mctl writes this file, or one was killed.", where=str(temporary), todo="Wait, or remove it."
        ) from error
    try:
        with file:
            yield file
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    try:
        _put(temporary, path, flag, replace=replace)
    except UserError as error:
        todo = f"It came while this command was at work, whose result is in {temporary}: give that file a name."
        raise UserError(error.what, where=error.where, todo=todo) from error


def _put(written: Path, path: Path, flag: str, *, replace: bool) -> None:
    check_output_file(path, flag, replace=replace)
    if not replace:
        try:
            os.link(written, path)  # Unlike a rename, this fails where something has the name.
        except FileExistsError:
            check_output_file(path, flag, replace=False)
            raise
        except OSError:  # A file system without hard links.
            check_output_file(path, flag, replace=False)
        else:
            written.unlink()
            return
    written.replace(path)
