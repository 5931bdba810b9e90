"""The words and figures of a benchmark, row by row, for the terminal and for Markdown; nothing in them is escaped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mctl.report.bench_schema import BenchResult, Contender, Interval, Point, Timing
from mctl.report.plain import number

_CLOCKS = {
    "processor": "processor time, in which waiting for other programs does not count",
    "wall": "time on the wall",
}
TIMES_HEADER = ("", "p50 ms", "p90", "p95", "p99", "texts/s", "speed-up")


def heading(result: BenchResult) -> str:
    """Where and how it was measured, in one sentence."""
    threads = f", {result.threads} thread{'s' * (result.threads > 1)}" if result.provider == "cpu" else ""
    return f"{_device(result)}{threads}; {_CLOCKS[result.clock]}"


def _device(result: BenchResult) -> str:
    if result.provider == "cuda":
        return ", ".join(result.machine.get("gpus", [])[:1]) or "cuda"
    return str(result.machine.get("processor", "cpu"))


def against(result: BenchResult) -> str:
    """What a speed-up is."""
    if result.baseline is None:
        return "No baseline: nothing is compared."
    return f"speed-up: median time of {result.baseline} over the model's, and the 95 % bootstrap interval."


def point_title(point: Point) -> str:
    """The size of its calls."""
    return f"{point.batch} text{'s' * (point.batch > 1)} of {point.length} tokens"


def time_rows(result: BenchResult, point: Point) -> list[tuple[str, ...]]:
    """One row a participant, those that are missing included."""
    return [_time_row(result, point.timings.get(name), name) for name in result.participants]


def _time_row(result: BenchResult, timing: Timing | None, name: str) -> tuple[str, ...]:
    if timing is None:
        return (name, *["-"] * 5, "missing")
    figures = (timing.p50_ms, timing.p90_ms, timing.p95_ms, timing.p99_ms, timing.throughput_texts_per_s)
    ratio = "baseline" if name == result.baseline else interval(timing.speedup)
    return (name, *map(number, figures), ratio)


def interval(ratio: Interval | None) -> str:
    """A ratio with its interval: "2.50 [2.41, 2.58]"."""
    return "-" if ratio is None else f"{ratio.value:.2f} [{ratio.low:.2f}, {ratio.high:.2f}]"


def missing_lines(point: Point) -> list[str]:
    """Why some did not run there."""
    return [f"missing: {name}: {reason}" for name, reason in point.missing.items()]


def cost_header(result: BenchResult) -> tuple[str, ...]:
    """Titles of `cost_rows`."""
    device = ("GPU MB",) if result.provider == "cuda" else ()
    return ("", "runs as", "file MB", "peak MB", "imports", *device, "Wh", "gCO2e")


def cost_rows(result: BenchResult) -> list[tuple[str, ...]]:
    """Size, memory and energy, one row a participant."""
    return [_cost_row(result, name, contender) for name, contender in result.participants.items()]


def _cost_row(result: BenchResult, name: str, contender: Contender) -> tuple[str, ...]:
    memory, energy = contender.memory, contender.emissions or {}
    device = (number(memory.device_mb if memory else None),) if result.provider == "cuda" else ()
    return (
        name,
        f"{contender.runtime} {contender.precision}",
        f"{contender.file_bytes / 1e6:.1f}",
        number(memory.peak_mb if memory else None),
        number(memory.imports_mb if memory else None),
        *device,
        number(_watt_hours(energy)),
        number(energy.get("gco2e_per_1000_texts")),
    )


def _watt_hours(energy: Mapping[str, Any]) -> float | None:
    return 1000 * energy["kwh_per_1000_texts"] if energy else None


def cost_lines(result: BenchResult) -> list[str]:
    """What the columns of `cost_rows` mean."""
    lines = []
    if at := result.memory_at:
        lines.append(
            f"peak MB: resident memory of a process that loads the model alone and runs {at.batch} x {at.length}; "
            "imports: what it held before loading."
        )
    sources = {member.memory.device_source for member in result.participants.values() if member.memory} - {None}
    if sources:
        lines.append(f"GPU MB: {'; '.join(sorted(map(str, sources)))}.")
    if at := result.emissions_at:
        found = [member.emissions for member in result.participants.values() if member.emissions]
        how = " and ".join(sorted({energy["source"] for energy in found}))
        country = found[0]["country_name"]
        lines.append(f"Wh, gCO2e: of 1,000 texts at {at.batch} x {at.length}, {how}, electricity of {country}.")
    return lines
