"""Temporary files that have no name: written once, from front to back, then mapped into memory.

They lie in the folder that `tempfile` chooses, so the variable TMPDIR moves them. Having no entry in any folder, they
are freed by the system with the last object that reads them, however the process ends.
"""

from __future__ import annotations

import errno
import mmap
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from mctl.errors import UserError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Spool:
    """A file to append to.

    Raises:
        UserError: the disk is full, here and in both methods.
    """

    def __init__(self) -> None:
        with _room():
            # Closed by `finish`, or with this object.
            self._file = tempfile.TemporaryFile()  # noqa: SIM115

    def write(self, content: Any) -> None:
        """Appends what offers the buffer protocol."""
        with _room():
            self._file.write(content)

    def finish(self) -> Any:
        """The content, as a `pyarrow.Buffer` that reads from the file; nothing can be appended any more."""
        with _room(), self._file as file:
            file.flush()
            if not file.tell():
                return pa.py_buffer(b"")  # The system maps no empty file.
            return pa.py_buffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


@contextmanager
def _room() -> Iterator[None]:
    todo = "Make room there, or name another folder in the variable TMPDIR."
    try:
        yield
    except FileNotFoundError as error:  # `tempfile` has tried all folders that it knows.
        raise UserError(f"temporary files have no place: {error.strerror}.", where="TMPDIR", todo=todo) from error
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise UserError("the disk is full.", where=tempfile.gettempdir(), todo=todo) from error
