"""What came of a fault: one line of the table."""

from __future__ import annotations

import hashlib
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

REPORTS = {"validation.json", "validation.html", "validation.sarif", "junit.xml", "README.md"}


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
    """Hashes of all files but of reports, checkpoints and what is hidden."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and path.name not in REPORTS and "/." not in f"/{name}":
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def sentence(ran: subprocess.CompletedProcess[str], words: tuple[str, ...]) -> str:
    """What was said of the fault: the row of a failed check or the error, in one line."""
    text = " ".join(f"{ran.stdout}\n{ran.stderr}".split())
    for before in (r"(?:fail|inconclusive) \S+ [^.]{0,40}", r"[^.]{0,60}"):
        for word in words:
            match = re.search(rf"{before}{re.escape(word)}[^.]{{0,60}}", text)
            if match:
                return match.group().strip()
    error = next((line for line in ran.stderr.splitlines() if line.startswith("error:")), "")
    failed = next((line for line in ran.stdout.splitlines() if line.startswith(("fail", "inconclusive"))), "")
    return error or failed or text[-120:]
