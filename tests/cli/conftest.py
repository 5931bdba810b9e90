"""Commands that must refuse: one paragraph, exit code 2, and nothing on disk has changed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from command import mctl
from refusal import Refused, complaint, contents

EVIDENCE = {
    "cpu": ("README.md", "junit.xml", "validation.html", "validation.json", "validation.sarif"),
    "cuda": ("README.md", "junit-cuda.xml", "validation-cuda.html", "validation-cuda.json", "validation-cuda.sarif"),
}


@pytest.fixture
def refused() -> Refused:
    """See `Refused`."""

    def run(
        *arguments: object, cwd: Path, words: Iterable[str] = (), error_report: str = "", provider: str = "cpu"
    ) -> str:
        before = contents(cwd)
        ran = mctl(*arguments, cwd=cwd)
        assert ran.code == 2, ran
        message = complaint(ran.err)
        for word in words:
            assert word in message
        after = contents(cwd)
        told = {f"{error_report}/{name}" for name in EVIDENCE[provider]} if error_report else set()
        assert {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)} == told
        if error_report:
            _, junit, _, report, _ = EVIDENCE[provider]
            result = json.loads((cwd / error_report / report).read_text(encoding="utf-8"))
            assert result["verdict"] == "error"
            assert result["error"]["what"] in message
            assert result["error"]["what"] in (cwd / error_report / junit).read_text(encoding="utf-8")
        return message

    return run


@pytest.fixture(autouse=True)
def pipes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Output goes to pipes, also where a CI service asks for colours."""
    for name in ("FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    # typer reads these when it is imported.
    monkeypatch.setattr("typer.rich_utils.FORCE_TERMINAL", None, raising=False)
