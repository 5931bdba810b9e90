"""A validation as JUnit XML, which CI systems show as tests: one case a check.

What cannot be decided is an error there: a reader that knows only passed, failed and errors must not take it for a
pass. A validation that was refused or crashed is one case, with the error.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence

from mctl.report.check_rows import CheckRow, check_rows
from mctl.report.plain import plain
from mctl.report.schema import ValidationResult

_ELEMENT = {"fail": "failure", "inconclusive": "error", "error": "error"}


def junit(result: ValidationResult) -> bytes:
    """The document, one suite a group of checks."""
    root = ET.Element("testsuites")
    checks = check_rows(result)
    for number, group in enumerate(dict.fromkeys(check.group for check in checks)):
        suite = _suite(result, group, [check for check in checks if check.group == group])
        # Within a list of suites, Ant's format numbers them and wants to know their package.
        suite.attrib.update(id=str(number), package="mctl")
        root.append(suite)
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _suite(result: ValidationResult, group: str, checks: Sequence[CheckRow]) -> ET.Element:
    verdicts = [check.verdict for check in checks]
    suite = ET.Element(
        "testsuite",
        name=f"mctl.{group}",
        # JUnit wants seconds and no time zone; this is UTC.
        timestamp=result.created[:19],
        hostname="localhost",
        tests=str(len(checks)),
        failures=str(verdicts.count("fail")),
        errors=str(sum(_ELEMENT.get(verdict) == "error" for verdict in verdicts)),
        time="0",
    )
    ET.SubElement(suite, "properties")
    for check in checks:
        case = ET.SubElement(suite, "testcase", name=check.name, classname=f"mctl.{group}", time="0")
        if check.verdict in _ELEMENT:
            why = _printable(check.why)
            found = ET.SubElement(case, _ELEMENT[check.verdict], message=why, type=check.verdict)
            found.text = why
    ET.SubElement(suite, "system-out").text = "\n".join(
        _printable(f"{check.verdict} {check.name}: {check.why}") for check in checks
    )
    ET.SubElement(suite, "system-err").text = "\n".join(_printable(note) for note in result.notes)
    return suite


def _printable(text: str) -> str:
    """What XML 1.0 can hold: no controls, no lone surrogates, no U+FFFE and U+FFFF."""
    return (
        plain(text)
        .encode("utf-8", "backslashreplace")
        .decode()
        .replace("\ufffe", "\\ufffe")
        .replace("\uffff", "\\uffff")
    )
