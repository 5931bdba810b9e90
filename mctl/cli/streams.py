"""Standard streams that are closed, that nobody reads, or that cannot be written."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import io
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""Errors of a disk that is full, of a user's share of it, and of a file that may not become as large."""
_NAMES = ("stdin", "stdout", "stderr")


def prepare_streams() -> None:
    """Have each standard stream that is closed lead to the null device, and stdout take every text.

    Some schedulers start programs without the standard streams. A file that is opened later would otherwise get the
    number of the missing stream, and what a library writes to its standard output or error would end in that file.
    """
    for number, name in enumerate(_NAMES):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number is given out: that of the stream, since those before it are open.
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            stream = os.fdopen(number, "r" if number == 0 else "w", encoding="utf-8", closefd=False)
            setattr(sys, name, stream)
    # A script that was read by a shell without stderr hands down its own text in the place of it.
    if fcntl.fcntl(2, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
        _to_null(2)
    # A text may hold characters that the locale's encoding does not have, and a file's name bytes that are no text.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def stdout_for_programs() -> IO[str]:
    """Standard output for tables and JSON: in UTF-8 whatever the locale says, as files are."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    return sys.stdout


@contextlib.contextmanager
def reader_may_leave() -> Iterator[None]:
    """Around output whose command goes on without a reader, such as one that has a verdict to exit with.

    `mctl validate | head -1` closes the pipe before all is written: the rest of the output is dropped.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        drop_output()


def full_output() -> str | None:
    """What to call standard output in an error of a full disk, since errors of a stream do not name it.

    Returns:
        "standard output" if it has no room; that and more if only its disk is known to be full, which another file may
        share; None if it has room.
    """
    try:
        sys.stdout.flush()
        number = sys.stdout.fileno()
        kind, room = os.fstat(number), os.fstatvfs(number).f_bavail
    except io.UnsupportedOperation:  # A stream in memory.
        return None
    except OSError as error:
        return "standard output" if error.errno in NO_ROOM else None
    full = Path("/dev/full")
    if full.exists() and os.path.samestat(kind, full.stat()):
        return "standard output"
    return "standard output, or a file on the same disk" if stat.S_ISREG(kind.st_mode) and room == 0 else None


def drop_output() -> None:
    """Write what is still to be written to stdout and stderr; what cannot be written goes nowhere."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            _to_null(stream.fileno())


def _to_null(number: int) -> None:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, number)
    os.close(null)
