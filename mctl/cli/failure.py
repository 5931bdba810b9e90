"""Errors as a user should see them."""

from __future__ import annotations

import errno
import os

from mctl.errors import UserError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# Writers in Rust (safetensors) and C++ (onnx, torch) raise no OSError; torch only notices that its file is too short.
_FULL_IN_WORDS = (
    *(os.strerror(number) for number in _FULL),
    "PytorchStreamWriter failed writing",
    "inline_container.cc",
)


def explain(error: BaseException) -> int | None:
    """Print an error that the user can mend, as one red paragraph on stderr.

    Returns:
        The exit code, or None when the error is a bug: its traceback is then wanted.
    """
    mendable = error if isinstance(error, UserError) else _from_system(error)
    if mendable is None:
        return None
    from rich.console import Console

    from mctl.report.plain import plain_text

    Console(stderr=True, soft_wrap=True).print(plain_text(f"error: {mendable}", "red"))
    return 2


def _from_system(error: BaseException) -> UserError | None:
    """A full disk or a folder that cannot be written, however deep in a library it showed."""
    seen: BaseException | None = error
    while seen is not None:
        if type(seen).__name__ == "OutOfMemoryError":
            return UserError("this does not fit into the GPU's memory.", todo="Ask for a smaller --batch-size.")
        if getattr(seen, "errno", None) in _FULL or any(words in str(seen) for words in _FULL_IN_WORDS):
            return UserError(
                "the disk is full.",
                where=getattr(seen, "filename", None),
                todo="What was complete before is untouched. Make room, or name another folder with --artifacts, and "
                "run the same command again.",
            )
        if isinstance(seen, PermissionError) or getattr(seen, "errno", None) == errno.EROFS:
            return UserError(f"no permission: {seen}.", todo="Choose another folder with --artifacts.")
        seen = seen.__cause__ or seen.__context__
    return None
