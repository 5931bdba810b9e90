"""A validation on disk, for people and for the systems that they use."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import ValidationError

from mctl.artifact import MANIFEST, sha256_of, write_atomically
from mctl.errors import UserError
from mctl.report.plain import plain_json
from mctl.report.schema import ValidationResult

RESULT = "validation.json"


def _json(result: ValidationResult, folder: Path) -> bytes:
    return (plain_json(result.model_dump_json(indent=2)) + "\n").encode()


def _html(result: ValidationResult, folder: Path) -> bytes:
    from mctl.report.page import page

    # A text may hold a lone surrogate, which is no character and has no bytes.
    return page(result).encode("utf-8", "backslashreplace")


def _junit(result: ValidationResult, folder: Path) -> bytes:
    from mctl.report.junit import junit

    return junit(result)


def _sarif(result: ValidationResult, folder: Path) -> bytes:
    from mctl.report.sarif import sarif

    return sarif(result, os.path.relpath(folder)).encode("utf-8", "backslashreplace")


def _markdown(result: ValidationResult, folder: Path) -> bytes:
    from mctl.report.summary import summary

    return summary(result).encode("utf-8", "backslashreplace")


def _card(result: ValidationResult, folder: Path) -> bytes:
    from mctl.report.card import export_card

    return export_card(result).encode("utf-8", "backslashreplace")


Format = Callable[[ValidationResult, Path], bytes]
FORMATS: Mapping[str, Format] = {
    "json": _json,
    "html": _html,
    "junit": _junit,
    "sarif": _sarif,
    "markdown": _markdown,
    "card": _card,
}
"""What writes each, from the result and the artifact's folder."""
_WRITTEN = {
    RESULT: "json",
    "validation.html": "html",
    "junit.xml": "junit",
    "validation.sarif": "sarif",
    "README.md": "card",
}


def write_evidence(result: ValidationResult, folder: Path) -> None:
    """All of them but the summary into the artifact's folder, the result last: if it is new, so are the others."""
    for name, format in reversed(_WRITTEN.items()):
        write_atomically(folder / name, FORMATS[format](result, folder))


def withdraw_evidence(folder: Path) -> None:
    """Take away the verdict of an artifact that is not what was judged any more."""
    if (folder / MANIFEST).is_file():
        for name in _WRITTEN.keys() - {"README.md"}:
            (folder / name).unlink(missing_ok=True)


def read_result(folder: Path) -> ValidationResult:
    """The result that was written last, of the export that is there now.

    Raises:
        UserError: there is none, or it is damaged, of another version, or of another export.
    """
    path, again = folder / RESULT, f"Run `mctl validate {folder}`."
    if not path.is_file():
        raise UserError("no verdict here.", where=str(folder), todo=again)
    result = parse_result(path)
    if result.participants["export"].manifest_sha256 != sha256_of(folder / MANIFEST):
        raise UserError("this verdict is of another export than the one that is here now.", where=str(path), todo=again)
    return result


def parse_result(path: Path) -> ValidationResult:
    """A result in a file.

    Raises:
        UserError: it cannot be read, or it is no result of a validation of this version.
    """
    try:
        return ValidationResult.model_validate_json(path.read_bytes())
    except (ValidationError, OSError) as error:
        raise UserError(
            "this is no result of `mctl validate`, or that of another version.",
            where=str(path),
            todo="Name a validation.json, or validate again.",
        ) from error


def append_step_summary(result: ValidationResult, environment: Mapping[str, str]) -> None:
    """On GitHub, add the summary to the page of the step; elsewhere do nothing.

    Raises:
        UserError: the file cannot be written.
    """
    path = environment.get("GITHUB_STEP_SUMMARY")
    if path:
        try:
            with Path(path).open("ab") as file:
                file.write(FORMATS["markdown"](result, Path()))
        except OSError as error:
            raise UserError(
                f"the summary cannot be written: {error.strerror or error}.",
                where=f"GITHUB_STEP_SUMMARY={path}",
                todo="Unset the variable, or name a file.",
            ) from error
