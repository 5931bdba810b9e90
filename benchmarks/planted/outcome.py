"""What came of a fault: one line of the table."""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import dataclass
from pathlib import Path

REPORTS = {f"{name}{on}" for name in ("validation", "junit") for on in ("", "-cuda")} | {"README"}
HISTORY = "verdicts"
_LONGEST = 160


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    fault: str
    command: str
    code: int
    said: str
    caught: bool
    lost: bool


def contents(folder: Path) -> dict[str, str]:
    """Hashes of all files but of reports, verdicts, checkpoints and what is hidden."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        told = path.stem in REPORTS or path.parent.name == HISTORY
        if path.is_file() and not told and "/." not in f"/{name}":
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def sentence(ran: subprocess.CompletedProcess[str], words: tuple[str, ...]) -> str:
    """What was said of the fault: the check that did not pass, or the error, in one line."""
    errors = [line for line in ran.stderr.splitlines() if line.startswith("error:")]
    checks = [line for line in ran.stdout.splitlines() if line.startswith(("fail", "inconclusive"))]
    said = [*checks, *errors, *f"{ran.stdout}\n{ran.stderr}".splitlines()]
    named = [line for line in said if any(word in line for word in words)]
    line = " ".join((named or said or [""])[0].split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]} ..."
