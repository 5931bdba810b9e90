"""A benchmark as Markdown tables."""

from __future__ import annotations

from collections.abc import Sequence

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
from mctl.report.card import escaped


def markdown(result: BenchResult) -> str:
    """The page: names of folders and what libraries said are escaped, so that none of it becomes markup."""
    blocks = ["# Benchmark", f"{_sentence(heading(result))} {_sentence(against(result))}"]
    for point in result.points:
        blocks += [f"## {point_title(point)}", _table(TIMES_HEADER, time_rows(result, point))]
        blocks += [escaped(line) for line in missing_lines(point)]
    blocks += ["## models", _table(cost_header(result), cost_rows(result))]
    blocks += [escaped(line) for line in cost_lines(result)]
    blocks.append("\n".join(f"- {escaped(note)}" for note in result.notes))
    return "\n\n".join(blocks) + "\n"


def _sentence(text: str) -> str:
    return f"{escaped(text[0].upper() + text[1:].rstrip('.'))}."


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *([escaped(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
