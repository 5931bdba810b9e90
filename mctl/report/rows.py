"""The figures of the three models of a validation, row by row, for the terminal, Markdown and HTML; none is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mctl.report.plain import number
from mctl.report.schema import Making, Participant, Role

ROLES: tuple[Role, ...] = ("baseline", "source", "export")


def model_rows(members: Sequence[Participant]) -> list[tuple[str, list[str]]]:
    """Label and one cell a model; what was not measured is "-"."""
    rows = [
        ("precision", [member.precision for member in members]),
        ("parameters, M", [f"{member.parameters['total'] / 1e6:.2f}" for member in members]),
        ("  encoder, M", [f"{member.parameters['encoder'] / 1e6:.2f}" for member in members]),
        ("  embeddings, M", [f"{member.parameters['embeddings'] / 1e6:.2f}" for member in members]),
        ("weights file, MB", [f"{member.file_bytes / 1e6:.1f}" for member in members]),
        ("accuracy, %", [percent(member.accuracy) for member in members]),
        ("macro-F1, %", [percent(member.macro_f1) for member in members]),
    ]
    for label, name in (("p50, ms a batch", "p50_ms"), ("p95, ms a batch", "p95_ms"), ("p99, ms a batch", "p99_ms")):
        rows.append((label, [number((member.latency or {}).get(name)) for member in members]))
    rows.append(("texts a second", [number((m.latency or {}).get("throughput_texts_per_s")) for m in members]))
    return rows + _energy_rows([member.emissions or {} for member in members])


MAKING_COLUMNS = ("making", "kind", "Wh", "gCO2e", "source")


def making_rows(making: Making) -> list[list[str]]:
    """A row a stage, in order, and one for all; what was not metered is "-"."""
    rows = [
        [stage.artifact, stage.kind, number(_thousand(stage.kwh)), number(stage.gco2e), _source(stage.model_dump())]
        for stage in making.stages
    ]
    together = "all that is known" if making.unknown else "all"
    return [*rows, [together, "", number(1000 * making.kwh), number(making.gco2e), making.source]]


def _energy_rows(energy: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[str]]]:
    """Net of idle where it was measured, with what the meter showed below."""
    judged = [found.get("net") or found for found in energy]
    rows = [
        ("Wh per 1,000 texts", [number(_thousand(found.get("kwh_per_1000_texts"))) for found in judged]),
        ("gCO2e per 1,000 texts", [number(found.get("gco2e_per_1000_texts")) for found in judged]),
    ]
    if any(found.get("net") for found in energy):
        watts = [sum(found["net"].get("idle_w", {}).values()) if found.get("net") else None for found in energy]
        rows.append(("  with idle, Wh", [number(_thousand(found.get("kwh_per_1000_texts"))) for found in energy]))
        rows.append(("  idle, W", [number(value) for value in watts]))
    return [*rows, ("  source of energy", [_source(found) for found in energy])]


def _source(found: Mapping[str, Any]) -> str:
    """The counters of processor and GPU by name, or that they are estimates; older results know only which."""
    parts = [f"{part.upper()} {name}" for part, name in (found.get("sources") or {}).items() if part != "ram"]
    return ", ".join(parts) or str(found.get("source") or "-")


def percent(share: float | None) -> str:
    """A share in per cent with one digit; "-" where there is none."""
    return "-" if share is None else f"{100 * share:.1f}"


def _thousand(value: float | None) -> float | None:
    return None if value is None else 1000 * value
