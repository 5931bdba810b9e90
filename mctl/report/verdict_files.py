"""A validation on disk, for people and for the systems that they use."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from mctl.artifact import MANIFEST, Manifest, load_artifact, make_folder, now, sha256_of, write_atomically
from mctl.errors import UserError
from mctl.ownership import HISTORY, is_report, refuse_to_replace, refuse_unless_report, signed
from mctl.report.plain import plain_json
from mctl.report.reason import provider_of
from mctl.report.schema import ErrorReport, ValidationResult

logger = logging.getLogger(__name__)
CARD = "README.md"


def _json(result: ValidationResult, folder: Path) -> bytes:
    return (plain_json(result.model_dump_json(indent=2)) + "\n").encode()


def _html(result: ValidationResult, folder: Path) -> bytes:
    from mctl.report.page import page

    # A text may hold a lone surrogate, which is no character and has no bytes.
    return signed(page(result).encode("utf-8", "backslashreplace"))


def _junit(result: ValidationResult, folder: Path) -> bytes:
    from mctl.report.junit import junit

    return signed(junit(result))


def _sarif(result: ValidationResult, folder: Path) -> bytes:
    from mctl.report.sarif import sarif

    return sarif(result, os.path.relpath(folder)).encode("utf-8", "backslashreplace")


def _markdown(result: ValidationResult, folder: Path) -> bytes:
    from mctl.report.summary import summary

    return summary(result).encode("utf-8", "backslashreplace")


def _manifest(folder: Path) -> Manifest | None:
    """The manifest of an export; None where the export is not whole."""
    try:
        return load_artifact(folder).manifest
    except UserError:
        return None


def _card(result: ValidationResult, folder: Path) -> bytes:
    from mctl.report.card import export_card

    return signed(export_card(result, _manifest(folder)).encode("utf-8", "backslashreplace"))


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
_CPU = {
    "json": "validation.json",
    "html": "validation.html",
    "junit": "junit.xml",
    "sarif": "validation.sarif",
    "card": CARD,
}
NAMES: Mapping[str, Mapping[str, str]] = {
    "cpu": _CPU,
    "cuda": {
        "json": "validation-cuda.json",
        "html": "validation-cuda.html",
        "junit": "junit-cuda.xml",
        "sarif": "validation-cuda.sarif",
        "card": CARD,
    },
}
"""By provider and format: where the newest verdict is. The card is one file: it tells the newest verdict of all."""


def check_places(folder: Path) -> None:
    """Refuse to validate where a report would replace a file that mctl did not write.

    The card is asked for by `keeps_card`: people write their own.

    Raises:
        UserError: something else has the name of a report.
    """
    for name in sorted({name for names in NAMES.values() for name in names.values()} - {CARD}):
        refuse_unless_report(folder / name, "export again with --artifacts")
    if (folder / HISTORY).is_symlink() or (folder / HISTORY).is_file():
        refuse_to_replace(folder / HISTORY, "export again with --artifacts")


def keeps_card(folder: Path) -> bool:
    """Whether an export has a README.md that is not as mctl wrote it, and that therefore stays."""
    return os.path.lexists(folder / CARD) and not is_report(folder / CARD)


def sign_card_of_0_1_0(folder: Path) -> None:
    """Sign the card of an export if version 0.1.0 wrote it and nobody changed it since, so that it is known as mctl's.

    It is compared with what that version wrote from the verdict beside it.
    """
    card, verdict = folder / CARD, folder / NAMES["cpu"]["json"]
    if folder.is_symlink() or card.is_symlink() or not card.is_file() or is_report(card) or not is_report(verdict):
        return
    from mctl.report.card import card_of_0_1_0

    try:
        result = parse_result(verdict)
    except UserError:
        return
    content = card.read_bytes()
    if result.error is None and content == card_of_0_1_0(result).encode("utf-8", "backslashreplace"):
        write_atomically(card, signed(content))


def write_evidence(result: ValidationResult, folder: Path) -> None:
    """Write all reports but the summary into the artifact's folder, and the verdict into its history.

    The result comes last: if it is new, so are the others. A verdict that is replaced stays in the history, also one
    of version 0.1.0, which kept none. An error report replaces a verdict and is no part of the history. A card that
    somebody edited stays.
    """
    names = NAMES[provider_of(result)]
    sign_card_of_0_1_0(folder)
    _keep_replaced(folder / names["json"], folder)
    if result.error is None:
        _keep(result, folder)
    for format, name in reversed(list(names.items())):
        if name == CARD and keeps_card(folder):
            continue
        write_atomically(folder / name, FORMATS[format](result, folder))


def retire_others(result: ValidationResult, folder: Path, *, whole: bool) -> None:
    """Replace what other providers' reports say of an export that is not what they judged any more by an error report.

    Args:
        result: the newest.
        whole: whether the export is as it was made, by that result.
    """
    for provider in NAMES.keys() - {provider_of(result)}:
        path = folder / NAMES[provider]["json"]
        if path.is_file() and not (whole and _is_of(path, folder)):
            error = ErrorReport(
                kind="refused",
                what=f"the export is not what was judged on {provider}.",
                where=str(folder),
                todo=f"Run `mctl validate {folder} --provider {provider}`.",
            )
            write_evidence(error_result(error, folder, provider, result.versions), folder)


def error_result(error: ErrorReport, folder: Path, provider: str, versions: Mapping[str, str]) -> ValidationResult:
    """The error report of an export."""
    manifest = folder / MANIFEST
    return ValidationResult.model_validate(
        {
            "verdict": "error",
            "created": now(),
            "artifact": folder.resolve().name,
            "participants": {},
            "checks": [],
            "reason": error.what,
            "provider": provider,
            "manifest_sha256": sha256_of(manifest) if manifest.is_file() else None,
            "error": error,
            "versions": dict(versions),
        }
    )


def _is_of(path: Path, folder: Path) -> bool:
    """Whether a report tells of the export that is in the folder."""
    try:
        return _judged(parse_result(path)) == sha256_of(folder / MANIFEST)
    except UserError:
        return False


def _judged(result: ValidationResult) -> str | None:
    """SHA-256 of the manifest of the export that was judged."""
    return result.participants["export"].manifest_sha256 if result.participants else result.manifest_sha256


def _keep_replaced(path: Path, folder: Path) -> None:
    if not path.is_file():
        return
    try:
        _keep(parse_result(path), folder)
    except UserError:
        logger.debug("%s is no verdict that could be kept", path)


def _keep(result: ValidationResult, folder: Path) -> None:
    """Add a verdict to the history, unless it is there."""
    if result.error is not None:
        return
    made = datetime.fromisoformat(result.created).astimezone(UTC)
    path = folder / HISTORY / f"{made:%Y%m%dT%H%M%S.%f}Z-{provider_of(result)}.json"
    if not path.exists():
        make_folder(path.parent)
        write_atomically(path, FORMATS["json"](result, folder))


def read_result(folder: Path, provider: str | None = None) -> ValidationResult:
    """The result that was written last, of the export that is there now.

    Args:
        provider: of whose verdict; by default of either.

    Raises:
        UserError: there is none, or it is damaged, of another version, or of another export.
    """
    providers = [provider] if provider else list(NAMES)
    paths = [path for name in providers if (path := folder / NAMES[name]["json"]).is_file()]
    again = f"Run `mctl validate {folder}{f' --provider {provider}' if provider else ''}`."
    if not paths:
        raise UserError("no verdict here.", where=str(folder), todo=again)
    found = [(parse_result(path), path) for path in paths]
    result, path = max(found, key=lambda one: datetime.fromisoformat(one[0].created).astimezone(UTC))
    if _judged(result) != sha256_of(folder / MANIFEST):
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
