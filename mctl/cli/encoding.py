"""Arguments that are no text: names of files in another encoding than UTF-8."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mctl.errors import UserError


def check_encoding(arguments: Sequence[str]) -> None:
    """Refuse names that are not UTF-8, before any work: JSON, and so no manifest, can hold them.

    So is the folder in which the command runs, since libraries make absolute paths of relative ones.

    Python has their bytes as lone surrogates. The texts of `mctl predict` are its own to refuse, with their number.

    Args:
        arguments: of the command line, the command first.

    Raises:
        UserError: an argument, or the current folder, is not UTF-8, or the current folder is gone.

    >>> check_encoding(["finetune", "--data", "café.csv"])
    """
    texts = arguments[:1] == ["predict"]
    for before, argument in zip(["", *arguments], arguments, strict=False):
        if texts and not argument.startswith("-") and not before.startswith("-"):
            continue
        _check(argument, before if before.startswith("-") else None)
    if {"--help", "-h"}.isdisjoint(arguments):
        try:
            _check(str(Path.cwd()), "the current folder")
        except FileNotFoundError as error:
            raise UserError("the current folder is gone.", todo="Change to another one.") from error


def _check(name: str, where: str | None) -> None:
    if any("\ud800" <= character <= "\udfff" for character in name):
        shown = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        raise UserError(
            f"this name is not UTF-8: {shown}.",
            where=where,
            todo="Rename the file or folder, as with `convmv -f latin1 -t utf8 --notest NAME`.",
        )
