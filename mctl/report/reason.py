"""Why a verdict is what it is, in one sentence."""

from __future__ import annotations

from mctl.report.schema import CheckResult, ValidationResult


def reason_of(result: ValidationResult) -> str:
    """The sentence of the result; composed from its checks where it has none, as results of version 0.1.0.

    The check that decides comes first, with its own sentence; of the others, their number is named.
    """
    if result.reason:
        return result.reason
    if result.error is not None:
        return result.error.what
    if result.verdict == "pass":
        judged = sum(check.verdict == "pass" for check in result.checks)
        return f"all {judged} checks that are judged pass"
    deciding = [check for check in result.checks if check.verdict == result.verdict]
    return _deciding(deciding) if deciding else "no check says why"


def _deciding(checks: list[CheckResult]) -> str:
    first, *others = checks
    more = f" (and {len(others)} more: {', '.join(check.name for check in others)})" if others else ""
    return f"{first.name}: {first.why}{more}"


def provider_of(result: ValidationResult) -> str:
    """Where the models of a result ran: "cpu" or "cuda"; version 0.1.0 says so among the conditions of the times."""
    measured = result.comparison.measured_with.get("provider") if result.comparison else None
    return result.provider or ("cuda" if measured == "cuda" else "cpu")
