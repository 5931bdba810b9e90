"""A validation that reaches no verdict leaves a report of its error, and never the verdict of an earlier one."""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from mctl.errors import UserError
from mctl.pipeline.lineage import is_export
from mctl.pipeline.stage import versions
from mctl.progress import Progress
from mctl.recipe import Provider
from mctl.report.schema import ErrorReport
from mctl.report.verdict_files import error_result, write_evidence

logger = logging.getLogger(__name__)

_UNFINISHED = "the validation has not finished: it is under way, or it was stopped."
_AGAIN = "Run `mctl validate` again."


@contextmanager
def error_reports(folder: Path | None, provider: Provider, progress: Progress) -> Iterator[Callable[[], None]]:
    """Write an error report into the export when the body raises, whatever it raises.

    The body calls what it is given once it has read the release that it compares with, which may be the last verdict: a
    report then stands there that says that the validation has not finished, which stays if the process is killed.

    Args:
        folder: of the export, or a file in it. Where there is none, or it is no export of mctl, nothing is written.

    Raises:
        UserError: another validation of the export is under way. Its verdict will stand there, so nothing is written.
    """
    if folder is not None:
        folder = next((place for place in (folder, folder.parent) if is_export(place)), None)

    def report(error: ErrorReport) -> None:
        if folder is not None:
            write_evidence(error_result(error, folder, provider, versions()), folder)

    with nullcontext() if folder is None else _alone(folder):
        try:
            yield lambda: report(ErrorReport(kind="unfinished", what=_UNFINISHED, todo=_AGAIN))
        except BaseException as error:
            try:
                report(_report_of(error))
            except OSError as also:
                progress.say(f"The report of this error cannot be written into {folder}: {also}")
            raise


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the lock of an export's folder. The kernel drops it when the process ends, however it ends."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(
                "another `mctl validate` is judging this export.", where=str(folder), todo="Wait until it has ended."
            ) from error
        except OSError as error:  # Some network drives lock no folders.
            logger.info("%s cannot be locked: %s", folder, error)
        yield
    finally:
        os.close(opened)


def _report_of(error: BaseException) -> ErrorReport:
    if isinstance(error, OSError):
        return ErrorReport(kind="refused", what=f"{type(error).__name__}: {error}", todo=_AGAIN)
    if isinstance(error, UserError):
        return ErrorReport(kind="refused", what=error.what, where=error.where, todo=error.todo)
    if not isinstance(error, Exception):
        return ErrorReport(kind="unfinished", what="the validation was interrupted.", todo=_AGAIN)
    return ErrorReport(kind="bug", what=f"the validation ended with {type(error).__name__}: {error}", todo=_AGAIN)
