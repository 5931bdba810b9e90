"""The result of a validation, from which every report is made. `validation.json` is this, as it is."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Verdict = Literal["pass", "fail", "inconclusive"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CheckResult(_Part):
    """One figure against its threshold. `figure` and `threshold` are in `unit`; a figure that is no number is null."""

    group: str
    name: str
    verdict: Literal["pass", "fail", "inconclusive", "info"]
    figure: float | None
    threshold: float | None
    unit: str
    why: str


class Participant(_Part):
    """A model that took part: the export, its source, or the baseline."""

    name: str
    kind: str
    precision: str
    manifest_sha256: str
    parameters: dict[str, int]
    file_bytes: int
    latency: dict[str, float] | None = None
    emissions: dict[str, Any] | None = None
    accuracy: float | None = None
    macro_f1: float | None = None


class ValidationResult(_Part):
    """Everything that `mctl validate` found."""

    schema_version: Literal[1] = 1
    verdict: Verdict
    created: str
    artifact: str
    participants: dict[Literal["export", "source", "baseline"], Participant]
    checks: list[CheckResult]
    comparison: dict[str, Any] = Field(default_factory=dict)
    data: dict[str, Any] = Field(default_factory=dict)
    notes: list[str] = Field(default_factory=list)
    machine: dict[str, Any] = Field(default_factory=dict)
    versions: dict[str, str] = Field(default_factory=dict)
