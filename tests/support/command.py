"""Running mctl as users do."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

# A shell that runs tests in the background has them ignore Ctrl-C, and children inherit that: hence the handler.
# -P: the folder that tests run in holds mctl's source, which is not the installed package.
PROGRAM = (
    sys.executable,
    "-P",
    "-c",
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from mctl.cli import main; main()",
)


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str


def mctl(*arguments: object, cwd: Path) -> Ran:
    """Run a command in this process, which spares the seconds that importing torch takes."""
    from mctl.cli import main

    out, err = io.StringIO(), io.StringIO()
    argv = ["mctl", *map(str, arguments)]
    with (
        mock.patch.object(sys, "argv", argv),
        contextlib.chdir(cwd),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
    return Ran(code, out.getvalue(), err.getvalue())


def start(*arguments: object, cwd: Path, **environment: str) -> subprocess.Popen[str]:
    """Start a command as a process of its own, as a shell would."""
    return subprocess.Popen(
        [*PROGRAM, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str], timeout: float = 240) -> Ran:
    """Wait for a process."""
    out, err = process.communicate(timeout=timeout)
    return Ran(process.returncode, out, err)


def wait_for(folder: Path, pattern: str, timeout: float = 240) -> None:
    """Until a file is there."""
    deadline = time.monotonic() + timeout
    while not _is_there(folder, pattern):
        assert time.monotonic() < deadline, f"{pattern} never came"
        time.sleep(0.02)


def _is_there(folder: Path, pattern: str) -> bool:
    try:
        return any(folder.glob(pattern))
    except FileNotFoundError:  # A folder that went while it was looked through.
        return False
