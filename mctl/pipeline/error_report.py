"""A validation that reaches no verdict leaves a report of its error, and never the verdict of an earlier one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mctl.artifact import MANIFEST, newest_artifact
from mctl.errors import UserError
from mctl.pipeline.stage import versions
from mctl.progress import Progress
from mctl.recipe import Provider
from mctl.report.schema import ErrorReport
from mctl.report.verdict_files import check_places, error_result, write_evidence

_UNFINISHED = "the validation has not finished: it is under way, or it was stopped."
_AGAIN = "Run `mctl validate` again."
_TRACES = (b'"kind": "export"', b'"kind":"export"')


@contextmanager
def error_reports(
    root: Path, folder: Path | None, provider: Provider, progress: Progress
) -> Iterator[Callable[[], None]]:
    """Write an error report into the export when the body raises, whatever it raises.

    The body calls what it is given once its input has been read: a report then stands there that says that the
    validation has not finished, which stays if the process is killed.

    Args:
        root: where artifacts are.
        folder: of the export; by default the newest in `root`. Where it is no export of mctl, nothing is written.

    Raises:
        UserError: a file that mctl did not write has the name of a report.
    """
    if folder is None:
        newest = newest_artifact(root, ("export",))
        folder = newest.folder if newest else None
    elif not _is_export(folder):
        folder = None
    if folder is not None:
        check_places(folder)

    def report(error: ErrorReport) -> None:
        if folder is not None:
            write_evidence(error_result(error, folder, provider, versions()), folder)

    try:
        yield lambda: report(ErrorReport(kind="unfinished", what=_UNFINISHED, todo=_AGAIN))
    except BaseException as error:
        try:
            report(_report_of(error))
        except OSError as also:
            progress.say(f"The report of this error cannot be written into {folder}: {also}")
        raise


def _report_of(error: BaseException) -> ErrorReport:
    if isinstance(error, UserError):
        return ErrorReport(kind="refused", what=error.what, where=error.where, todo=error.todo)
    if not isinstance(error, Exception):
        return ErrorReport(kind="unfinished", what="the validation was interrupted.", todo=_AGAIN)
    return ErrorReport(kind="bug", what=f"the validation ended with {type(error).__name__}: {error}", todo=_AGAIN)


def _is_export(folder: Path) -> bool:
    """Whether a folder is an export of mctl, also one whose manifest is damaged."""
    path = folder / MANIFEST
    if not path.is_file():
        return False
    content = path.read_bytes()
    try:
        manifest = json.loads(content)
    except ValueError:
        return any(trace in content for trace in _TRACES)
    return isinstance(manifest, dict) and manifest.get("kind") == "export" and "digest" in manifest
