"""What was found, as the result that every report is made of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from mctl.artifact import Artifact
from mctl.pipeline.measure import Measured
from mctl.pipeline.runtime_version import runtime_needed
from mctl.report.schema import (
    Accuracy,
    CheckResult,
    Comparison,
    FlipResult,
    Interval,
    Parity,
    Participant,
    SliceResult,
    WorstText,
)

_PERCENTILES = ("p50_ms", "p90_ms", "p95_ms", "p99_ms", "throughput_texts_per_s", "samples", "waited_share")


def check_result(check: Any) -> CheckResult:
    """As the schema has it; JSON knows no NaN and no infinity."""
    numbers = {name: _number(getattr(check, name)) for name in ("figure", "low", "high")}
    return CheckResult.model_validate(asdict(check) | numbers)


def participant(role: str, artifact: Artifact, measured: Measured | None) -> Participant:
    """One of the three models: what its manifest says, and what was measured."""
    facts = artifact.manifest.facts
    return Participant(
        name=artifact.name,
        kind=artifact.manifest.kind,
        precision=facts.get("precision", "fp32"),
        manifest_sha256=artifact.manifest_sha256,
        parameters=facts["parameters"],
        file_bytes=artifact.weights_bytes,
        onnxruntime=runtime_needed(artifact) if artifact.manifest.kind == "export" else None,
        **(_figures(role, measured) if measured else {}),
    )


def _figures(role: str, measured: Measured) -> dict[str, Any]:
    from sklearn.metrics import confusion_matrix

    from mctl.pipeline.scoring import metrics
    from mctl.validators.accuracy import predict

    logits = measured.logits[role]
    scores = metrics(measured.labels, logits)
    classes = range(len(measured.class_names))
    figures: dict[str, Any] = {
        "accuracy": scores["accuracy"],
        "macro_f1": scores["macro_f1"],
        "predicted": predict(logits.astype(np.float64)).tolist(),
        "confusion": confusion_matrix(measured.labels, logits.argmax(1), labels=classes).tolist(),
    }
    if role in measured.speed.latency:
        figures["latency"] = {name: getattr(measured.speed.latency[role], name) for name in _PERCENTILES}
    if role in measured.emissions:
        figures["emissions"] = asdict(measured.emissions[role])
    return figures


def comparison(measured: Measured) -> Comparison:
    """Export against source and against baseline, with intervals and with the texts that differ."""
    parity, speed = asdict(measured.parity), measured.speed
    return Comparison(
        parity=Parity(**{name: _number(parity[name]) for name in Parity.model_fields}),
        accuracy=Accuracy.model_validate(measured.accuracy),
        slices=[SliceResult.model_validate(part) for part in measured.slices],
        flips=_flips(measured),
        worst_texts=_worst(measured),
        speedup=Interval.model_validate(speed.speedup),
        block_speedups=list(speed.blocks),
        latency_ms={role: [round(time, 4) for time in timed.samples_ms] for role, timed in speed.latency.items()},
        measured_with=speed.measured_with,
    )


def _flips(measured: Measured) -> list[FlipResult]:
    from mctl.validators.flips import flips

    names: Sequence[str] = measured.class_names
    return [
        FlipResult(
            index=flip.index,
            text=measured.texts[flip.index],
            label=names[flip.label],
            before=names[flip.before],
            after=names[flip.after],
            margin_before=_number(flip.margin_before),
            margin_after=_number(flip.margin_after),
        )
        for flip in flips(measured.labels, measured.logits["baseline"], measured.logits["export"])
    ]


def _worst(measured: Measured) -> list[WorstText]:
    with np.errstate(invalid="ignore"):
        distance = np.abs(measured.logits["export"] - measured.logits["source"]).max(1)
    return [
        WorstText(index=index, text=measured.texts[index], logit_diff=_number(float(distance[index])))
        for index in measured.parity.worst_texts
    ]


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
