"""A validation as tables in a terminal."""

from __future__ import annotations

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from mctl.report.check_rows import told
from mctl.report.plain import plain, plain_text
from mctl.report.rows import MAKING_COLUMNS, ROLES, making_rows, model_rows
from mctl.report.schema import CheckResult, Making, ValidationResult

_COLOURS = {"pass": "green", "fail": "bold red", "inconclusive": "yellow", "error": "bold red", "info": "dim"}


def show(result: ValidationResult, console: Console) -> None:
    """Print the participants, the checks and the verdict."""
    verdict = Text.assemble(
        "verdict: ", (result.verdict.upper(), _COLOURS[result.verdict]), f"  {plain(result.artifact)}"
    )
    if result.error is not None:
        console.print(Group(plain_text(told(result.error)), verdict))
        return
    notes = [plain_text(f"note: {note}", "dim") for note in result.notes]
    making = [making_table(result.making)] if result.making else []
    console.print(Group(participants_table(result), *making, checks_table(result), *notes, verdict))


def participants_table(result: ValidationResult) -> Table:
    """Baseline, source and export side by side."""
    table = Table(title="models", title_justify="left", box=None, pad_edge=False, header_style="bold")
    table.add_column("", no_wrap=True)
    for role in ROLES:
        # As Text: a folder's name may hold what rich would take for markup.
        table.add_column(Text(f"{role}\n{plain(result.participants[role].name)}"), justify="right")
    members = [result.participants[role] for role in ROLES]
    for label, row in model_rows(members):
        table.add_row(label, *map(plain_text, row))
    return table


def making_table(making: Making) -> Table:
    """What each stage of making the export took."""
    table = Table(title="energy of making", title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in MAKING_COLUMNS:
        table.add_column(column, justify="right" if column in {"Wh", "gCO2e"} else "left", overflow="fold")
    for row in making_rows(making):
        table.add_row(*map(plain_text, row))
    return table


def checks_table(result: ValidationResult) -> Table:
    """Every check with its verdict and its sentence."""
    table = Table(title="checks", title_justify="left", box=None, pad_edge=False, header_style="bold")
    table.add_column("verdict")
    table.add_column("group")
    table.add_column("check")
    table.add_column("why", overflow="fold")
    for check in result.checks:
        table.add_row(*_check_row(check))
    return table


def _check_row(check: CheckResult) -> tuple[Text, Text, Text, Text]:
    colour = _COLOURS[check.verdict]
    return Text(check.verdict, style=colour), Text(check.group), Text(check.name), plain_text(check.why)
