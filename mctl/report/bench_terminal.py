"""A benchmark as tables in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mctl.report.bench_rows import (
    TIMES_HEADER,
    against,
    cost_header,
    cost_lines,
    cost_rows,
    heading,
    missing_lines,
    point_title,
    time_rows,
)
from mctl.report.bench_schema import BenchResult
from mctl.report.plain import plain, plain_text


def show(result: BenchResult, console: Console) -> None:
    """Print where it was measured, a table for each point, and one of sizes, memory and energy."""
    console.print(plain_text(heading(result), "dim"))
    console.print(plain_text(against(result), "dim"))
    for point in result.points:
        console.print(_table(point_title(point), TIMES_HEADER, time_rows(result, point)))
        for line in missing_lines(point):
            console.print(plain_text(line, "yellow"))
    console.print(_table("models", cost_header(result), cost_rows(result)))
    for line in cost_lines(result):
        console.print(plain_text(line, "dim"))
    for note in result.notes:
        console.print(plain_text(f"note: {note}", "dim"))


def _table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(
        title=f"\n{title}",
        title_justify="left",
        box=None,
        pad_edge=False,
        collapse_padding=True,
        header_style="bold",
    )
    for index, name in enumerate(header):
        # Names give way where the terminal is narrow; figures do not.
        table.add_column(name, justify="right" if index else "left", overflow="fold", no_wrap=bool(index))
    for name, *figures in rows:
        table.add_row(plain_text(plain(name)), *(Text(figure, style=_colour(figure)) for figure in figures))
    return table


def _colour(figure: str) -> str:
    return {"missing": "yellow", "baseline": "dim", "-": "dim"}.get(figure, "")
