"""Errors as a user should see them."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import traceback

from mctl.cli.streams import NO_ROOM, full_output
from mctl.errors import UserError
from mctl.exit_codes import ExitCode

# Writers in Rust (safetensors) and C++ (onnx, torch) raise no OSError; torch only notices that its file is too short.
_FULL_IN_WORDS = (
    *(os.strerror(number) for number in NO_ROOM),
    "PytorchStreamWriter failed writing",
    "inline_container.cc",
)


def is_bug(error: BaseException) -> bool:
    """Whether an error is none that the user can correct."""
    return not isinstance(error, UserError) and _from_system(error) is None


def explain(error: BaseException, *, debug: bool = False) -> ExitCode:
    """Print an error on stderr: one that the user can correct as one red paragraph, a bug with its traceback.

    Args:
        debug: show the traceback of either.

    Returns:
        The exit code.
    """
    mendable = error if isinstance(error, UserError) else _from_system(error)
    # Where nobody can be told, as with a full disk behind stderr, the exit code still says what happened.
    with contextlib.suppress(OSError):
        _tell(error, mendable, debug=debug)
    return ExitCode.BUG if mendable is None else ExitCode.USER_ERROR


def _tell(error: BaseException, mendable: UserError | None, *, debug: bool) -> None:
    if mendable is None or debug:
        sys.stderr.write("".join(traceback.format_exception(error)))
    if mendable is None:
        from mctl import __version__

        sys.stderr.write(f"This is a bug of mctl {__version__}. Please report it with the lines above.\n")
        return
    from mctl.report.console import Messages
    from mctl.report.plain import plain_text

    Messages(stderr=True, soft_wrap=True).print(plain_text(f"error: {mendable}", "red"))


def _from_system(error: BaseException) -> UserError | None:
    """A full disk or a folder that cannot be written, however deep in a library it showed."""
    seen: BaseException | None = error
    while seen is not None:
        if type(seen).__name__ == "OutOfMemoryError":
            return UserError("this does not fit into the GPU's memory.", todo="Ask for a smaller --batch-size.")
        if getattr(seen, "errno", None) in NO_ROOM or any(words in str(seen) for words in _FULL_IN_WORDS):
            return _disk_is_full(getattr(seen, "filename", None))
        if getattr(seen, "errno", None) == errno.EBADF and getattr(seen, "filename", None) is None:
            return UserError("the output cannot be written.", where="stdout", todo="Check where it is redirected to.")
        if isinstance(seen, PermissionError) or getattr(seen, "errno", None) == errno.EROFS:
            return UserError(f"no permission: {seen}.", todo="Check whose it is, or choose another place.")
        seen = seen.__cause__ or seen.__context__
    return None


def _disk_is_full(name: str | None) -> UserError:
    where, other = name, "write to another disk"
    if name is None and (output := full_output()):
        where, other = output, "redirect the output to another disk"
    return UserError(
        "the disk is full.",
        where=where,
        todo=f"What was complete before is untouched. Make room, or {other}, and run the same command again.",
    )
