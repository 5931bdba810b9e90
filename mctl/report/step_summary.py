"""The page of a step on GitHub, to which a verdict is added: a file that a variable of the environment names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mctl.errors import UserError

if TYPE_CHECKING:
    from mctl.report.schema import ValidationResult

_VARIABLE = "GITHUB_STEP_SUMMARY"


def check_step_summary(environment: Mapping[str, str]) -> None:
    """Refuse a page that nothing can be added to, before anything is measured.

    Raises:
        UserError: the file cannot be written.
    """
    _append(environment, b"")


def append_step_summary(result: ValidationResult, environment: Mapping[str, str]) -> None:
    """On GitHub, add the summary of a verdict to the page of the step; elsewhere do nothing.

    Raises:
        UserError: the file cannot be written.
    """
    from mctl.report.verdict_files import FORMATS

    _append(environment, FORMATS["markdown"](result, Path()))


def _append(environment: Mapping[str, str], content: bytes) -> None:
    path = environment.get(_VARIABLE)
    if not path:
        return
    try:
        with Path(path).open("ab") as file:
            file.write(content)
    except OSError as error:
        raise UserError(
            f"the summary cannot be written: {error.strerror or error}.",
            where=f"{_VARIABLE}={path}",
            todo="Unset the variable, or name a file.",
        ) from error
