"""The result of a benchmark, from which every report of it is made. `bench.json` is this, as it is."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Interval(_Part):
    """A ratio with its bootstrap interval; `low <= value <= high`, without a unit."""

    value: float
    low: float
    high: float
    confidence: float


class Call(_Part):
    """The size of one call: texts, each of so many tokens and none of them padding."""

    batch: int
    length: int


class Timing(_Part):
    """Times of the calls of one participant at one point.

    Attributes:
        throughput_texts_per_s: texts over the sum of all times.
        samples: timed calls.
        speedup: median time of the baseline over this one's; None for the baseline itself, and where that is missing.
        samples_ms: every time, round by round, if they were asked for.
    """

    p50_ms: float
    p90_ms: float
    p95_ms: float
    p99_ms: float
    throughput_texts_per_s: float
    samples: int
    speedup: Interval | None = None
    samples_ms: list[float] | None = None


class Point(Call):
    """One point of the grid: what was timed there, and why the others were not, by participant."""

    timings: dict[str, Timing]
    missing: dict[str, str] = Field(default_factory=dict)


class Memory(_Part):
    """The most that a process held which loaded one participant and ran the largest call; MB are 10^6 bytes.

    Attributes:
        imports_mb: peak resident memory once the libraries were imported and nothing was loaded.
        peak_mb: peak resident memory in the end. What the model costs is the difference.
        device_mb: of the GPU; None on a CPU.
        device_source: how that was read.
    """

    imports_mb: float
    peak_mb: float
    device_mb: float | None = None
    device_source: str | None = None


class Contender(_Part):
    """An artifact that took part."""

    folder: str
    kind: str
    runtime: Literal["PyTorch", "onnxruntime"]
    precision: str
    manifest_sha256: str
    parameters: dict[str, int]
    file_bytes: int
    memory: Memory | None = None
    emissions: dict[str, Any] | None = None


class BenchResult(_Part):
    """Everything that `mctl bench` found.

    Attributes:
        baseline: the participant that every speed-up is against; None if there is none.
        clock: what times are: of the processor, which leaves waiting out, or on the wall.
        memory_at, emissions_at: the call that these were measured with.
        sha256: in a file, see `mctl.ownership.bench_hash`; version 0.1.0 had none.
    """

    schema_version: Literal[1] = 1
    created: str
    participants: dict[str, Contender]
    baseline: str | None
    provider: Literal["cpu", "cuda"]
    threads: int
    clock: Literal["processor", "wall"]
    points: list[Point]
    memory_at: Call | None = None
    emissions_at: Call | None = None
    measured_with: dict[str, Any] = Field(default_factory=dict)
    notes: list[str] = Field(default_factory=list)
    machine: dict[str, Any] = Field(default_factory=dict)
    versions: dict[str, str] = Field(default_factory=dict)
    sha256: str | None = None
