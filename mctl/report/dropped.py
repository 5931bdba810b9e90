"""What cleaning has found and dropped, in lines for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mctl.data import REASONS, Dataset

MUCH_PERCENT = 5.0
"""Above this share of the rows, a command says at its end once more that they were dropped."""

_HEAD = ("reason", "rows", "share", "first lines", "")


def told_findings(dataset: Dataset) -> list[str]:
    """A table of the rows dropped, by reason; then what else was found."""
    dropped, findings = dataset.dropped, dataset.report.findings
    lines = []
    if len(dropped):
        whats = {found.kind: found.what_was_done for found in findings}
        rows = [
            (found.reason, f"{found.rows:,}", f"{found.share:.1f} %", _listed(found.lines, found.rows), what)
            for found in dropped.reasons()
            for what in [whats.get(found.reason, "")]  # type: ignore[call-overload]
        ]
        lines = [f"{told_share(dropped.as_dict())}:", *_aligned([_HEAD, *rows])]
    others = [found for found in findings if found.kind not in REASONS and found.count]
    return lines + [f"{found.kind}: {found.count}, {found.what_was_done}" for found in others]


def told_share(dropped: Mapping[str, Any]) -> str:
    """How many rows were dropped: "3 of 60 rows are dropped (5.0 %)"."""
    return f"{dropped['rows']:,} of {dropped['of']:,} rows are dropped ({_percent(dropped):.1f} %)"


def is_much(dropped: Mapping[str, Any]) -> bool:
    """Whether the end of a command should say it once more."""
    return _percent(dropped) > MUCH_PERCENT


def _percent(dropped: Mapping[str, Any]) -> float:
    return float(100 * dropped["rows"] / dropped["of"]) if dropped["of"] else 0.0


def _listed(lines: Sequence[str], rows: int) -> str:
    return ", ".join(lines) + (", ..." if rows > len(lines) else "")


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns of equal width; numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if place in (1, 2) else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
