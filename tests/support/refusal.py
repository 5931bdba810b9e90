"""What a refusal looks like: one paragraph on stderr, and nothing on disk has changed but the reports of an export."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol


class Refused(Protocol):
    """Runs a command that must refuse, and returns its message."""

    def __call__(
        self, *arguments: object, cwd: Path, words: Iterable[str] = (), error_report: str = "", provider: str = "cpu"
    ) -> str:
        """`words` must be in the message.

        Args:
            error_report: folder of the export, relative to `cwd`, whose reports tell of the error and no more of the
                last verdict; nothing else has changed, the history of verdicts neither.
            provider: whose reports these are.
        """


def contents(folder: Path) -> dict[str, str]:
    """Every file with its hash, and every hidden folder: half an artifact would be one."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found[str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
        elif path.name.startswith("."):
            found[str(path.relative_to(folder))] = "folder"
    return found


def complaint(err: str) -> str:
    """The error on stderr: its last line, and the only one that is an error."""
    assert "Traceback" not in err
    assert "\x1b" not in err
    *before, last = err.strip().splitlines()
    assert last.startswith("error: "), err
    assert not any(line.startswith("error: ") for line in before), err
    assert last.endswith((".", "!", "?")), "a paragraph of whole sentences"
    return last
