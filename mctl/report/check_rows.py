"""The checks of a result, a row each; of a validation that reached no verdict, one row with its error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from mctl.report.schema import ErrorReport, ValidationResult


class CheckRow(NamedTuple):
    """One check: its group, its name, its verdict and the sentence that says why."""

    group: str
    name: str
    verdict: Literal["pass", "fail", "inconclusive", "info", "error"]
    why: str


def check_rows(result: ValidationResult) -> list[CheckRow]:
    """In the order of the result."""
    if result.error is not None:
        return [CheckRow("integrity", "validate", "error", told(result.error))]
    return [CheckRow(check.group, check.name, check.verdict, check.why) for check in result.checks]


def told(error: ErrorReport) -> str:
    """The error as the paragraph that the command ended with."""
    where = f"{error.where}: " if error.where else ""
    return f"{where}{error.what} {error.todo or ''}".rstrip()


def passed_or_told(checks: Sequence[CheckRow]) -> str:
    """How many checks passed, and how many figures have no limit to pass."""
    passed, info = (sum(check.verdict == word for check in checks) for word in ("pass", "info"))
    return (
        f"{passed} {'check' if passed == 1 else 'checks'} passed, "
        f"{info} {'figure has' if info == 1 else 'figures have'} no limit"
    )
