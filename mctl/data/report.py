"""What was found in the data and what was done about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

FindingKind = Literal[
    "header_row",
    "empty_text",
    "missing_label",
    "conflicting_labels",
    "shared_between_splits",
    "exact_duplicate",
    "normalised_duplicate",
    "class_vanished",
    "class_too_small",
    "class_not_evaluated",
    "labels_alike",
    "labels_joined",
    "labels_respelled",
    "passed_over",
    "unknown_label",
]


@dataclass(frozen=True)
class Example:
    """One row that a finding is about.

    Args:
        split: the split of the source it stood in, or the file where that has several; "all" when the source is one
            file.
        row: its number in that file as an editor or a spreadsheet counts it: the line on which it begins in CSV, TSV
            and JSONL, its row in a workbook (the header is row 1); the first record of an array, of Parquet and of
            hub data is row 1.
        text: the text, shortened.
        label: the label.
    """

    split: str
    row: int
    text: str
    label: str


@dataclass(frozen=True)
class Finding:
    """One kind of fault.

    Args:
        kind: which fault.
        count: rows concerned.
        what_was_done: one clause, for people: "dropped", "kept apart: Sports / sports".
        examples: up to three rows.
    """

    kind: FindingKind
    count: int
    what_was_done: str
    examples: tuple[Example, ...] = ()


@dataclass(frozen=True)
class CleaningReport:
    """All findings of one load, in the order in which they were dealt with.

    A row is dropped for one reason only, the first that holds, so the counts of the kinds that drop rows add up to
    `sum(rows_read) - sum(rows_kept)`. The kinds `class_vanished`, `class_not_evaluated`, `labels_alike`,
    `labels_joined`, `labels_respelled` and `passed_over` drop nothing; `unknown_label` counts rows that `select_labels`
    took away afterwards.

    Args:
        rows_read: rows in the source, by its splits ("all" when it is one file).
        rows_kept: rows left after cleaning, by the same splits, before any split is cut off and before `limit`.
        findings: what was found.
    """

    rows_read: Mapping[str, int]
    rows_kept: Mapping[str, int]
    findings: tuple[Finding, ...]


def report_as_dict(report: CleaningReport) -> dict[str, Any]:
    """The report as plain dicts, lists, strings and numbers, ready for `json.dumps`."""
    return {
        "rows_read": dict(report.rows_read),
        "rows_kept": dict(report.rows_kept),
        "findings": [
            {**asdict(finding), "examples": [asdict(e) for e in finding.examples]} for finding in report.findings
        ],
    }
