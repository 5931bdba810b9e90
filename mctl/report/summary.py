"""A validation as Markdown: the page of a step on GitHub, a comment, a note in a release."""

from __future__ import annotations

from collections.abc import Sequence

from mctl.report.card import escaped
from mctl.report.check_rows import CheckRow, check_rows, passed_or_told, told
from mctl.report.key_figures import key_figures
from mctl.report.reason import reason_of
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
    """Verdict, reason, key figures and checks that did not pass; the rest is folded.

    Everything that is the user's is escaped.
    """
    heading = f"# {_SIGNS[result.verdict]}: {escaped(result.artifact)}"
    if result.error is not None:
        return f"{heading}\n\n{escaped(told(result.error))}\n"
    checks = check_rows(result)
    by_word = {word: [check for check in checks if check.verdict == word] for word in _SIGNS}
    figures = "\n".join(f"- {one.name}: **{escaped(one.value)}**{_details(one.details)}" for one in key_figures(result))
    parts = [
        heading,
        escaped(reason_of(result)),
        figures,
        _checks(by_word["fail"] + by_word["inconclusive"]),
        _folded(passed_or_told(checks), _checks(by_word["pass"] + by_word["info"])),
        _folded("Figures of the models", _models(result), _making(result)),
        f"{len(result.comparison.flips)} texts change their label." if result.comparison else "",
        "\n".join(f"- {escaped(note)}" for note in result.notes),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _details(details: Sequence[str]) -> str:
    return f" ({'; '.join(map(escaped, details))})" if details else ""


def _folded(title: str, *content: str) -> str:
    """`content` under a title that opens it; GitHub reads Markdown there only after an empty line."""
    return "\n\n".join(["<details>", f"<summary>{title}</summary>", *filter(None, content), "</details>"])


def _checks(checks: Sequence[CheckRow]) -> str:
    rows = [[_SIGNS[check.verdict], check.group, f"`{check.name}`", escaped(check.why)] for check in checks]
    return _table(["verdict", "group", "check", "why"], rows) if rows else ""


def _models(result: ValidationResult) -> str:
    members = [result.participants[role] for role in ROLES]
    header = ["", *(f"{role}: {escaped(member.name)}" for role, member in zip(ROLES, members, strict=True))]
    return _table(header, [[escaped(label.strip()), *map(escaped, row)] for label, row in model_rows(members)])


def _making(result: ValidationResult) -> str:
    stages = making_rows(result.making) if result.making else []
    return _table(list(MAKING_COLUMNS), [list(map(escaped, row)) for row in stages]) if stages else ""


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
