"""The figures of the three models of a validation, row by row, for the terminal, Markdown and HTML; none is escaped."""

from __future__ import annotations

from collections.abc import Sequence

from mctl.report.plain import number
from mctl.report.schema import Participant, Role

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
    energy = [(member.emissions or {}) for member in members]
    rows.append(("Wh per 1,000 texts", [number(_thousand(e.get("kwh_per_1000_texts"))) for e in energy]))
    rows.append(("gCO2e per 1,000 texts", [number(e.get("gco2e_per_1000_texts")) for e in energy]))
    rows.append(("  source of energy", [str(e.get("source", "-")) for e in energy]))
    return rows


def percent(share: float | None) -> str:
    """A share in per cent with one digit; "-" where there is none."""
    return "-" if share is None else f"{100 * share:.1f}"


def _thousand(value: float | None) -> float | None:
    return None if value is None else 1000 * value
