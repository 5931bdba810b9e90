"""Results as other programs read them: a row of a table is a line of a pipe."""

from __future__ import annotations

import io
import sys

import pytest
from rich.table import Table

from mctl.report.console import TerminalProgress

LONG = " ".join(["word"] * 100)


class Terminal(io.StringIO):
    """What stdout is where a person looks."""

    def isatty(self) -> bool:
        return True


def printed(monkeypatch: pytest.MonkeyPatch, stdout: io.StringIO, columns: str | None) -> list[str]:
    """Two rows of very different length."""
    if columns is None:
        monkeypatch.delenv("COLUMNS", raising=False)
    else:
        monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr(sys, "stdout", stdout)
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, why in (("long", LONG), ("short", "word")):
        table.add_row(name, why)
    TerminalProgress(quiet=True).results.print(table)
    return stdout.getvalue().splitlines()


def test_in_a_pipe_a_row_is_a_line_that_ends_with_its_last_word(monkeypatch: pytest.MonkeyPatch) -> None:
    assert printed(monkeypatch, io.StringIO(), None) == [f"long   {LONG}", "short  word"]


@pytest.mark.parametrize("stdout", [io.StringIO(), Terminal()], ids=["pipe", "terminal"])
def test_columns_are_kept_where_they_are_named(monkeypatch: pytest.MonkeyPatch, stdout: io.StringIO) -> None:
    lines = printed(monkeypatch, stdout, "60")
    assert len(lines) > 2
    assert max(map(len, lines)) <= 60


def test_lines_that_have_been_said_are_not_said_again_and_others_are(capsys: pytest.CaptureFixture[str]) -> None:
    console = TerminalProgress(quiet=False)
    for block in (("data: head", "data: a"), ("data: head", "data: b"), ("data: head", "data: a")):
        console.say_once(*block)
    console.say("data: a")
    assert capsys.readouterr().err.splitlines() == ["data: head", "data: a", "data: head", "data: b", "data: a"]
