"""A validation in a terminal: the verdict and its figures first, then the checks that did not pass, then all."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mctl.report.check_rows import CheckRow, passed_or_told, told
from mctl.report.check_rows import check_rows as rows_of
from mctl.report.key_figures import key_figures
from mctl.report.plain import plain, plain_text
from mctl.report.reason import reason_of
from mctl.report.rows import MAKING_COLUMNS, ROLES, making_rows, model_rows
from mctl.report.schema import Making, ValidationResult

_COLOURS = {"pass": "green", "fail": "bold red", "inconclusive": "yellow", "error": "bold red", "info": "dim"}
_ORDER = ("error", "fail", "inconclusive", "pass", "info")
# A table of three columns leaves less than half of a narrower terminal to the sentences.
_NARROW = 110
# Columns there for the figures of a model, and for its name if that is longer.
_FIGURES, _NAME = 13, 20


def show(result: ValidationResult, console: Console, *, verbose: bool = False) -> None:
    """Print a verdict.

    Args:
        verbose: print all checks and the figures of the three models too.
    """
    if result.error is not None:
        _print(console, [_verdict(result), _wrapped(plain_text(told(result.error)))])
        return
    # What does not pass comes first; within a verdict, checks stay in the order of the result.
    checks = sorted(rows_of(result), key=lambda one: _ORDER.index(one.verdict))
    failed = [one for one in checks if one.verdict not in ("pass", "info")]
    parts = [_verdict(result), _wrapped(plain_text(reason_of(result))), Text(), _figures(result), Text()]
    if verbose:
        parts += [
            _heading("checks"),
            _checks(checks, console.width),
            Text(),
            participants_table(result, console.width),
            Text(),
        ]
        parts += [making_table(result.making), Text()] if result.making else []
    else:
        parts += [_heading("checks that did not pass"), _checks(failed, console.width), Text()] if failed else []
        parts += [_wrapped(Text(f"{passed_or_told(checks)}: -v shows them.", "dim"))]
    parts += [_wrapped(plain_text(f"note: {note}", "dim")) for note in result.notes]
    _print(console, parts)


def _print(console: Console, parts: Sequence[RenderableType]) -> None:
    for part in parts:
        console.print(part)


def _verdict(result: ValidationResult) -> RenderableType:
    return _wrapped(
        Text.assemble("verdict: ", (result.verdict.upper(), _COLOURS[result.verdict]), f"  {plain(result.artifact)}")
    )


def _wrapped(text: Text) -> Table:
    """`text` in lines that end between words: a console that wraps softly would end them anywhere."""
    table = Table.grid()
    table.add_column(overflow="fold")
    table.add_row(text)
    return table


def _heading(text: str) -> Text:
    return Text(text, style="bold")


def _figures(result: ValidationResult) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for figure in key_figures(result):
        table.add_row(figure.name, plain_text(figure.sentence))
    return table


def participants_table(result: ValidationResult, width: int) -> Table:
    """Baseline, source and export side by side."""
    table = Table(title="models", title_justify="left", box=None, pad_edge=False, header_style="bold")
    table.add_column("", no_wrap=True)
    for role in ROLES:
        # As Text: a folder's name may hold what rich would take for markup.
        name = plain(result.participants[role].name)
        most = min(max(len(name), _FIGURES), _NAME) if width < _NARROW else None
        table.add_column(Text(f"{role}\n{name}"), justify="right", overflow="fold", max_width=most)
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


def _checks(checks: Sequence[CheckRow], width: int) -> Table:
    """A row a check; where that is too narrow for sentences, a line with its name and the sentence below."""
    table = Table.grid(padding=(0, 2, 0, 0))
    if width < _NARROW:
        table.add_column(overflow="fold")
        for check in checks:
            table.add_row(Text.assemble(_word(check), "  ", f"{check.group} {check.name}"))
            table.add_row(Padding(plain_text(check.why), (0, 0, 0, 4)))
        return table
    for _ in range(3):
        table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for check in checks:
        table.add_row(_word(check), Text(check.group), Text(check.name), plain_text(check.why))
    return table


def _word(check: CheckRow) -> Text:
    return Text(check.verdict, style=_COLOURS[check.verdict])
