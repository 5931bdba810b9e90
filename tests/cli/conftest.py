"""Commands that must refuse: one paragraph, exit code 2, and nothing on disk has changed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from command import mctl
from refusal import Refused, complaint, contents

EVIDENCE = ["junit.xml", "validation.html", "validation.json", "validation.sarif"]


@pytest.fixture
def refused() -> Refused:
    """See `Refused`."""

    def run(*arguments: object, cwd: Path, words: Iterable[str] = (), verdict_goes: bool = False) -> str:
        before = contents(cwd)
        ran = mctl(*arguments, cwd=cwd)
        assert ran.code == 2, ran
        message = complaint(ran.err)
        for word in words:
            assert word in message
        after = contents(cwd)
        lost = before.keys() - after.keys()
        assert sorted(Path(name).name for name in lost) == (EVIDENCE if verdict_goes else [])
        assert after == {name: found for name, found in before.items() if name not in lost}
        return message

    return run


@pytest.fixture(autouse=True)
def pipes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Output goes to pipes, also where a CI service asks for colours."""
    for name in ("FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    # typer reads these when it is imported.
    monkeypatch.setattr("typer.rich_utils.FORCE_TERMINAL", None, raising=False)
