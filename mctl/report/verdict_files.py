"""A validation on disk, for people and for the systems that they use."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from mctl.artifact import MANIFEST, Manifest, keep_verdict, load_artifact, now, sha256_of, write_atomically
from mctl.errors import UserError
from mctl.ownership import HISTORY, is_report, refuse_to_replace, signed
from mctl.report.plain import plain_json
from mctl.report.reason import provider_of
from mctl.report.rows import ROLES
from mctl.report.schema import ErrorReport, ValidationResult

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


def check_places(folder: Path, provider: str) -> None:
    """Refuse to write a verdict where a report would replace a file that is not as mctl wrote it.

    The card is asked for by `keeps_card`: people write their own.

    Raises:
        UserError: something else has the name of a report.
    """
    sign_reports_of_0_1_0(folder)
    # The result first: by it, reports of version 0.1.0 are known.
    for name in NAMES[provider].values():
        if name != CARD and _is_users(folder / name):
            refuse_to_replace(folder / name, "export again with --artifacts")
    if _history_is_blocked(folder):
        refuse_to_replace(folder / HISTORY, "export again with --artifacts")


def keeps_card(folder: Path) -> bool:
    """Whether an export has a README.md that is not as mctl wrote it, and that therefore stays."""
    return _is_users(folder / CARD)


def _is_users(path: Path) -> bool:
    """Whether something is there that is not as mctl wrote it."""
    return os.path.lexists(path) and not (is_report(path) and (path.suffix != ".json" or _is_result(path)))


def _is_result(path: Path) -> bool:
    try:
        parse_result(path)
    except UserError:
        return False
    return True


def _history_is_blocked(folder: Path) -> bool:
    return (folder / HISTORY).is_symlink() or (folder / HISTORY).is_file()


def sign_reports_of_0_1_0(folder: Path) -> None:
    """Sign the reports of an export that version 0.1.0 wrote and nobody changed since: they are then known as mctl's.

    They are compared with what that version wrote from the verdict beside them. Of its page, the picture of latencies
    is not compared: each matplotlib draws a little otherwise.
    """
    verdict = folder / NAMES["cpu"]["json"]
    unsigned = [path for name in _OF_0_1_0 if _is_users(path := folder / name) and path.is_file()]
    if folder.is_symlink() or not unsigned or not is_report(verdict) or not _is_result(verdict):
        return
    result = parse_result(verdict)
    if result.reason is not None or len(result.participants) < len(ROLES):  # That version gave no reasons.
        return
    for path in unsigned:
        content = path.read_bytes()
        if not path.is_symlink() and content == _OF_0_1_0[path.name](result, content):
            write_atomically(path, signed(content))


def _card_of_0_1_0(result: ValidationResult, written: bytes) -> bytes:
    from mctl.report.card import card_of_0_1_0

    return card_of_0_1_0(result).encode("utf-8", "backslashreplace")


def _page_of_0_1_0(result: ValidationResult, written: bytes) -> bytes:
    from mctl.report.page import page_of_0_1_0

    drawn = re.search(rb"<svg.*</svg>\n", written, re.DOTALL)
    picture = drawn[0].decode("utf-8", "replace") if drawn else ""
    return page_of_0_1_0(result, picture).encode("utf-8", "backslashreplace")


def _junit_of_0_1_0(result: ValidationResult, written: bytes) -> bytes:
    from mctl.report.junit import junit

    return junit(result)


_OF_0_1_0: Mapping[str, Callable[[ValidationResult, bytes], bytes]] = {
    CARD: _card_of_0_1_0,
    "validation.html": _page_of_0_1_0,
    "junit.xml": _junit_of_0_1_0,
}
"""By name: what that version wrote from a verdict, with the picture of what is there."""


def write_evidence(result: ValidationResult, folder: Path) -> None:
    """Write all reports but the summary into the artifact's folder, and the verdict into its history.

    The result comes last: if it is new, so are the others. A verdict that is replaced stays in the history, also one
    of version 0.1.0, which kept none. A card that somebody edited stays. An error report replaces a verdict and is no
    part of the history; it leaves what is in its way.

    Raises:
        UserError: a verdict's report would replace a file that is not as mctl wrote it; nothing is then written.
    """
    provider = provider_of(result)
    names = NAMES[provider]
    contents = {name: FORMATS[format](result, folder) for format, name in reversed(list(names.items()))}
    if result.error is None:
        check_places(folder, provider)
    else:
        sign_reports_of_0_1_0(folder)
    newest = folder / names["json"]
    stay = {name for name in contents if _is_users(folder / name)}
    if newest.is_file() and newest.name not in stay:
        if _history_is_blocked(folder):
            stay.add(newest.name)
        else:
            keep_verdict(newest.read_bytes(), folder)
    if result.error is None:
        keep_verdict(contents[newest.name], folder)
    for name, content in contents.items():
        if name not in stay:
            write_atomically(folder / name, content)


def retire_others(result: ValidationResult, folder: Path, *, whole: bool) -> None:
    """Replace what other providers' reports say of an export that is not what they judged any more by an error report.

    Args:
        result: the newest.
        whole: whether the export is as it was made, by that result.
    """
    for provider in NAMES.keys() - {provider_of(result)}:
        path = folder / NAMES[provider]["json"]
        if path.is_file() and not _is_users(path) and not (whole and _is_of(path, folder)):
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
