"""A validation as tables in a terminal."""

from __future__ import annotations

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from mctl.report.plain import number, plain, plain_text
from mctl.report.schema import CheckResult, Participant, ValidationResult

_COLOURS = {"pass": "green", "fail": "bold red", "inconclusive": "yellow", "info": "dim"}
_ROLES = ("baseline", "source", "export")


def show(result: ValidationResult, console: Console) -> None:
    """Print the participants, the checks and the verdict."""
    verdict = Text.assemble(
        "verdict: ", (result.verdict.upper(), _COLOURS[result.verdict]), f"  {plain(result.artifact)}"
    )
    notes = [plain_text(f"note: {note}", "dim") for note in result.notes]
    console.print(Group(participants_table(result), checks_table(result), *notes, verdict))


def participants_table(result: ValidationResult) -> Table:
    """Baseline, source and export side by side."""
    table = Table(title="models", title_justify="left", box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    for role in _ROLES:
        # As Text: a folder's name may hold what rich would take for markup.
        table.add_column(Text(f"{role}\n{plain(result.participants[role].name)}"), justify="right")  # type: ignore[index]
    members = [result.participants[role] for role in _ROLES]  # type: ignore[index]
    for label, row in _rows(members):
        table.add_row(label, *row)
    return table


def _rows(members: list[Participant]) -> list[tuple[str, list[str]]]:
    rows = [
        ("precision", [member.precision for member in members]),
        ("parameters, M", [f"{member.parameters['total'] / 1e6:.2f}" for member in members]),
        ("  encoder, M", [f"{member.parameters['encoder'] / 1e6:.2f}" for member in members]),
        ("  embeddings, M", [f"{member.parameters['embeddings'] / 1e6:.2f}" for member in members]),
        ("weights file, MB", [f"{member.file_bytes / 1e6:.1f}" for member in members]),
        ("accuracy, %", [_percent(member.accuracy) for member in members]),
        ("macro-F1, %", [_percent(member.macro_f1) for member in members]),
    ]
    for label, name in (("p50, ms a batch", "p50_ms"), ("p95, ms a batch", "p95_ms"), ("p99, ms a batch", "p99_ms")):
        rows.append((label, [number((member.latency or {}).get(name)) for member in members]))
    rows.append(("texts a second", [number((m.latency or {}).get("throughput_texts_per_s")) for m in members]))
    energy = [(member.emissions or {}) for member in members]
    rows.append(("Wh per 1,000 texts", [number(_thousand(e.get("kwh_per_1000_texts"))) for e in energy]))
    rows.append(("gCO2e per 1,000 texts", [number(e.get("gco2e_per_1000_texts")) for e in energy]))
    rows.append(("  source of energy", [str(e.get("source", "-")) for e in energy]))
    return rows


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


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"


def _thousand(value: float | None) -> float | None:
    return None if value is None else 1000 * value
