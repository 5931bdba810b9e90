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
from mctl.report.verdict_files import NAMES, error_result, parse_result, write_evidence

logger = logging.getLogger(__name__)

_UNFINISHED = "the validation has not finished: it is under way, or it was stopped."
_TAKEN, _WAIT = "another `mctl validate` is judging this export.", "Wait until it has ended."
_AGAIN = "Run `mctl validate` again."


@contextmanager
def error_reports(folder: Path | None, provider: Provider, progress: Progress) -> Iterator[Callable[[], None]]:
    """Write an error report into the export when the body raises, whatever it raises.

    The body calls what it is given once it has read the release that it compares with, which may be the last verdict: a
    report then stands there that says that the validation has not finished, which stays if the process is killed.

    Args:
        folder: of the export, or a file in it. Where there is none, or it is no export of mctl, nothing is written.

    Raises:
        UserError: another validation of the export is under way. Where it has the same provider, its verdict will stand
            there, so nothing is written.
    """
    if folder is not None:
        folder = next((place for place in (folder, folder.parent) if is_export(place)), None)

    def report(error: ErrorReport) -> None:
        if folder is not None:
            write_evidence(error_result(error, folder, provider, versions()), folder)

    def of_another() -> None:
        """The verdict that comes is of the other provider, unless a report of this one says that it comes."""
        if folder is not None and not _is_under_way(folder, provider):
            report(ErrorReport(kind="refused", what=_TAKEN, where=str(folder), todo=_WAIT))

    with nullcontext() if folder is None else _alone(folder, of_another):
        try:
            yield lambda: report(ErrorReport(kind="unfinished", what=_UNFINISHED, todo=_AGAIN))
        except BaseException as error:
            try:
                report(_report_of(error))
            except OSError as also:
                progress.say(f"The report of this error cannot be written into {folder}: {also}")
            raise


@contextmanager
def _alone(folder: Path, taken: Callable[[], None]) -> Iterator[None]:
    """Hold the lock of an export's folder. The kernel drops it when the process ends, however it ends.

    Args:
        taken: is called before the refusal, where another process has the lock.
    """
    opened = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            taken()
            raise UserError(_TAKEN, where=str(folder), todo=_WAIT) from error
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


def _is_under_way(folder: Path, provider: Provider) -> bool:
    """Whether the newest report says that a validation has not finished."""
    try:
        error = parse_result(folder / NAMES[provider]["json"]).error
    except UserError:
        return False
    return error is not None and error.kind == "unfinished"
