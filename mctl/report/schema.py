"""The result of a validation, from which every report is made. `validation.json` is this, as it is.

Its JSON Schema is `mctl/report/validation.schema.json`. Fields may be added within a version; what a field means, and
whether it is there, changes only with `schema_version`.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

Verdict = Literal["pass", "fail", "inconclusive", "error"]
Role = Literal["export", "source", "baseline"]
ROLES: tuple[Role, ...] = ("export", "source", "baseline")
Count = Annotated[int, Field(ge=0, lt=2**63)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def _is_a_time(text: str) -> str:
    datetime.fromisoformat(text)
    return text


Time = Annotated[str, AfterValidator(_is_a_time)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True, ser_json_inf_nan="null")


class CheckResult(_Part):
    """One figure against its threshold. `figure` and `threshold` are in `unit`; a figure that is no number is null."""

    group: str
    name: str
    verdict: Literal["pass", "fail", "inconclusive", "info"]
    figure: float | None
    threshold: float | None
    unit: str
    why: str
    settled_by_texts: int | None = Field(
        None, description="About how many test texts could settle an inconclusive check; null where it is not known."
    )
    bound: Literal["at most", "at least"] | None = Field(
        None, description="How the figure has to be to the threshold; null where it is not compared so."
    )
    low: float | None = Field(None, description="Lower end of the figure's interval; null where it has none.")
    high: float | None = Field(None, description="Upper end of the figure's interval; null where it has none.")


class Participant(_Part):
    """A model that took part: the export, its source, or the baseline."""

    name: str
    kind: str
    precision: str
    manifest_sha256: str
    parameters: dict[str, Count]
    file_bytes: Count
    onnxruntime: str | None = Field(None, description="Of an export: the oldest onnxruntime that runs it.")
    latency: dict[str, float] | None = None
    emissions: dict[str, Any] | None = None
    accuracy: float | None = None
    macro_f1: float | None = None
    predicted: list[Annotated[int, Field(ge=-1, lt=2**31)]] | None = Field(
        None, description="Class of every test text, by number in classes; -1 where logits were not finite."
    )
    confusion: list[list[int]] | None = Field(
        None, description="Texts, a row a label of the author, a column a label of the model, in the order of classes."
    )


class Interval(_Part):
    """A figure and where it may lie, in the unit of the figure."""

    value: float
    low: float
    high: float
    confidence: float


class Parity(_Part):
    """Export against source."""

    texts: Count
    max_abs_logit_diff: float | None
    mean_abs_logit_diff: float | None
    label_agreement: float
    mean_kl_nats: float | None
    non_finite_texts: int


class Accuracy(_Part):
    """Export (candidate) against baseline on the same texts; shares are 0..1, differences points of 100."""

    texts: int
    baseline_accuracy: float
    candidate_accuracy: float
    baseline_macro_f1: float
    candidate_macro_f1: float
    accuracy_difference_points: Interval
    macro_f1_difference_points: Interval
    flipped_to_wrong: int
    flipped_to_right: int
    mcnemar_p: float
    resolvable_points: float


class SliceResult(_Part):
    """A class (its F1) or a range of lengths (accuracy) under baseline and export, 0..1."""

    kind: Literal["class", "length"]
    name: str
    texts: Count
    before: float
    after: float
    to_wrong: int
    to_right: int
    p: float
    adjusted_p: float


class FlipResult(_Part):
    """A text that baseline and export label differently; margins are the highest logit less the second."""

    index: int
    text: str
    label: str
    before: str
    after: str
    margin_before: float | None
    margin_after: float | None


class WorstText(_Part):
    """A text on which export and source differ most; null where a logit is not finite."""

    index: int
    text: str
    logit_diff: float | None


class Comparison(_Part):
    """The export against its source and against the baseline."""

    parity: Parity
    accuracy: Accuracy
    slices: list[SliceResult]
    flips: list[FlipResult]
    worst_texts: list[WorstText]
    speedup: Interval
    block_speedups: list[Positive] = Field(
        default_factory=list,
        description="Of every opening of the sessions: what is drawn anew with them spreads these, and not the calls.",
    )
    latency_ms: dict[Role, list[float]] = Field(description="Every timed call; the same index is the same batch.")
    measured_with: dict[str, Any]

    @model_validator(mode="after")
    def _speedup_is_a_ratio(self) -> Self:
        if not 0 < self.speedup.low <= self.speedup.value <= self.speedup.high < math.inf:
            raise ValueError("the speed-up is no ratio with an interval around it")
        return self


class MakingStage(_Part):
    """Energy of making one artifact, as its manifest has it; null where the manifest has none."""

    artifact: str
    kind: str
    kwh: float | None
    gco2e: float | None
    source: Literal["measured", "estimated"] | None = None
    sources: dict[str, str] = Field(
        default_factory=dict, description="Of cpu, gpu and ram: the counter's name, or what it is estimated from."
    )


class Making(_Part):
    """Energy of the stages that made the export, the teacher's training among them, as far as it is known."""

    kwh: float
    gco2e: float
    source: Literal["measured", "estimated"]
    country_name: str
    hardware: str
    stages: list[MakingStage] = Field(default_factory=list, description="In order, the teacher first.")
    unknown: list[str] = Field(
        default_factory=list, description="Artifacts whose making was not metered, such as a teacher from elsewhere."
    )


class BreakEven(_Part):
    """Texts after which the export has saved what making it of the baseline took; null is never."""

    texts: float | None
    low: float | None
    high: float | None
    making_kwh: float
    unknown: list[str] = Field(default_factory=list, description="Artifacts whose making is not among making_kwh.")


class ErrorReport(_Part):
    """Why `mctl validate` reached no verdict: what is wrong, where, and what to do about it."""

    kind: Literal["refused", "bug", "unfinished"] = Field(
        description="A user's mistake or a machine's limit; a bug of mctl; a validation that was stopped."
    )
    what: str
    where: str | None = None
    todo: str | None = None


class ValidationResult(_Part):
    """Everything that `mctl validate` found; or, with the verdict "error", why it found nothing."""

    schema_version: Literal[1] = 1
    verdict: Verdict
    created: Time
    artifact: str
    participants: dict[Role, Participant] = Field(description="Empty in an error report.")
    checks: list[CheckResult] = Field(description="Empty in an error report.")
    reason: str | None = Field(None, description="One sentence: why the verdict is what it is.")
    provider: Literal["cpu", "cuda"] | None = Field(None, description="Where the models ran, or were to run.")
    manifest_sha256: str | None = Field(None, description="Of the export's manifest as it was when it was judged.")
    error: ErrorReport | None = Field(None, description="With the verdict error, and with no other.")
    classes: list[str] = Field(default_factory=list)
    comparison: Comparison | None = None
    making: Making | None = None
    break_even: BreakEven | None = None
    data: dict[str, Any] = Field(default_factory=dict)
    notes: list[str] = Field(default_factory=list)
    machine: dict[str, Any] = Field(default_factory=dict)
    versions: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _everybody_took_part(self) -> Self:
        if (self.verdict == "error") != (self.error is not None):
            raise ValueError("a verdict is an error where a report of one is there, and only there")
        if self.error is not None:
            return self
        if missing := [role for role in ROLES if role not in self.participants]:
            raise ValueError(f"{' and '.join(missing)} did not take part")
        classes = len(self.classes)
        if any(number >= classes for one in self.participants.values() for number in one.predicted or ()):
            raise ValueError(f"a text is of a class that none of {classes} is")
        return self
