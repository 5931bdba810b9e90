"""mctl as a process of its own, as a user has it."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from pathlib import Path

PROGRAM = (sys.executable, "-P", "-c", "from mctl.cli import main; main()")


def mctl(folder: Path, *arguments: str, file_limit: int | None = None) -> subprocess.CompletedProcess[str]:
    """A command in the folder where the quickstart ran; its recipe is there.

    Args:
        file_limit: bytes that a file may have, as on a disk that is full beyond them.
    """

    def limit() -> None:
        if file_limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    return subprocess.run(
        [*PROGRAM, *arguments], cwd=folder, capture_output=True, text=True, check=False, preexec_fn=limit
    )


def succeed(folder: Path, *arguments: str) -> None:
    """A command that has to succeed for a fault to be there.

    Raises:
        SystemExit: with what it said, if it did not.
    """
    ran = mctl(folder, *arguments)
    if ran.returncode:
        raise SystemExit(f"{' '.join(arguments)}: {ran.stdout}{ran.stderr}")
