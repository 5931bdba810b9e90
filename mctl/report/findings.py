"""What `mctl doctor` found, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

_COLOURS = {"ok": "green", "note": "yellow", "broken": "bold red"}


@dataclass(frozen=True)
class Examined:
    """One finding. "broken" stops work, "note" is worth knowing."""

    name: str
    state: Literal["ok", "note", "broken"]
    detail: str


def show(findings: Sequence[Examined], console: Console) -> None:
    """Print one line a finding."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for finding in findings:
        table.add_row(Text(finding.state, style=_COLOURS[finding.state]), finding.name, Text(finding.detail))
    console.print(table)
