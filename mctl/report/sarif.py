"""A validation as SARIF 2.1.0, which code hosts show beside the code: a rule and a result for each check.

The standard: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html. Failures are errors and what cannot be
decided is a warning; their place is the artifact's manifest.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from mctl.ownership import SIGN, sarif_hash
from mctl.report.check_rows import CheckRow, check_rows
from mctl.report.plain import plain
from mctl.report.schema import ValidationResult

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"error": "error", "fail": "error", "inconclusive": "warning", "pass": "none", "info": "none"}
_KINDS = {"error": "fail", "fail": "fail", "inconclusive": "open", "pass": "pass", "info": "informational"}


def sarif(result: ValidationResult, folder: str) -> str:
    """The document.

    Args:
        folder: of the artifact, relative to where the command ran.
    """
    checks = check_rows(result)
    rules = [{"id": _id(check), "shortDescription": {"text": f"{check.group}: {check.name}"}} for check in checks]
    driver = {"name": "mctl", "rules": rules}
    if "mctl" in result.versions:
        driver["version"] = result.versions["mctl"]
    run: dict[str, Any] = {
        "tool": {"driver": driver},
        "results": [_result(check, index, folder) for index, check in enumerate(checks)],
    }
    document = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    run["properties"] = {SIGN: sarif_hash(document)}
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _result(check: CheckRow, index: int, folder: str) -> dict[str, Any]:
    location = {"artifactLocation": {"uri": quote(f"{folder}/manifest.json".lstrip("/"))}, "region": {"startLine": 1}}
    return {
        "ruleId": _id(check),
        "ruleIndex": index,
        "level": _LEVELS[check.verdict],
        "kind": _KINDS[check.verdict],
        "message": {"text": plain(check.why)},
        "locations": [{"physicalLocation": location}],
        "partialFingerprints": {"check/v1": _id(check)},
    }


def _id(check: CheckRow) -> str:
    return f"{check.group}/{check.name}"
