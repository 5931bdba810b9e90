"""What the exit code of every command means: decided here, and the same in code, help and docs."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of `mctl`."""

    DONE = 0
    FAIL = 1
    USER_ERROR = 2
    INCONCLUSIVE = 3
    BUG = 70  # EX_SOFTWARE of sysexits.h
    INTERRUPTED = 130


MEANINGS: Mapping[ExitCode, str] = {
    ExitCode.DONE: "pass; or, for commands without a verdict, done",
    ExitCode.FAIL: "fail; of doctor: something that every command needs is broken",
    ExitCode.USER_ERROR: "a mistake that you can correct, in one paragraph that says what to do",
    ExitCode.INCONCLUSIVE: "inconclusive: these texts, or this machine, cannot tell",
    ExitCode.BUG: "a bug of mctl, with its traceback",
    ExitCode.INTERRUPTED: "interrupted (Ctrl-C)",
}
