"""A validation as Markdown: the page of a step on GitHub, a comment, a note in a release."""

from __future__ import annotations

from mctl.report.card import escaped
from mctl.report.check_rows import told
from mctl.report.rows import MAKING_COLUMNS, ROLES, making_rows, model_rows
from mctl.report.schema import ValidationResult

_SIGNS = {
    "pass": "✅ pass",
    "fail": "❌ **fail**",
    "inconclusive": "❓ inconclusive",
    "error": "💥 **error**",
    "info": "info",
}


def summary(result: ValidationResult) -> str:
    """Verdict, models, their making and checks; everything that is the user's is escaped."""
    heading = f"# {_SIGNS[result.verdict]}: {escaped(result.artifact)}"
    if result.error is not None:
        return f"{heading}\n\n{escaped(told(result.error))}\n"
    members = [result.participants[role] for role in ROLES]
    models = _table(
        ["", *(f"{role}: {escaped(member.name)}" for role, member in zip(ROLES, members, strict=True))],
        [[escaped(label.strip()), *map(escaped, row)] for label, row in model_rows(members)],
    )
    checks = _table(
        ["verdict", "group", "check", "why"],
        [[_SIGNS[check.verdict], check.group, f"`{check.name}`", escaped(check.why)] for check in result.checks],
    )
    stages = making_rows(result.making) if result.making else []
    making = _table(list(MAKING_COLUMNS), [list(map(escaped, row)) for row in stages]) if stages else ""
    notes = "\n".join(f"- {escaped(note)}" for note in result.notes)
    flips = f"{len(result.comparison.flips)} texts change their label." if result.comparison else ""
    return "\n\n".join(part for part in (heading, checks, models, making, flips, notes) if part) + "\n"


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
