"""Why a verdict is what it is, in one sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mctl.report.schema import CheckResult, ValidationResult

# What stands in brackets, one pair within another at the most.
_BRACKETS = re.compile(r" ?\((?:[^()]|\([^()]*\))*\)")


def reason_of(result: ValidationResult) -> str:
    """The sentence of the result; composed from its checks where it has none, as results of version 0.1.0.

    The first check that decides is told in its own words, without what stands there in brackets. The others are named.
    """
    if result.reason:
        return result.reason
    if result.error is not None:
        return result.error.what
    if result.verdict == "pass":
        return f"All {sum(check.verdict == 'pass' for check in result.checks)} checks passed."
    deciding = [check for check in result.checks if check.verdict == result.verdict]
    return _deciding(deciding) if deciding else "No check says why."


def _deciding(checks: Sequence[CheckResult]) -> str:
    first, *others = checks
    told = f"{first.name}: {_BRACKETS.sub('', first.why).strip()}".removesuffix(".")
    names = ", ".join(check.name for check in others)
    return f"{told}; also {names}." if others else f"{told}."


def provider_of(result: ValidationResult) -> str:
    """Where the models of a result ran: "cpu" or "cuda"; version 0.1.0 says so among the conditions of the times."""
    measured = result.comparison.measured_with.get("provider") if result.comparison else None
    return result.provider or ("cuda" if measured == "cuda" else "cpu")
