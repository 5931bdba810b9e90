"""Results of a validation that hold whatever a user's files may hold."""

from __future__ import annotations

from typing import Any

from mctl.report.schema import ValidationResult

VERDICTS = ("pass", "fail", "inconclusive", "info")


def result_with(text: str) -> ValidationResult:
    """A result in which `text` stands wherever the user's names and texts do, with a check of every verdict."""
    interval = {"value": 1.0, "low": 0.5, "high": 1.5, "confidence": 0.95}
    model: dict[str, Any] = {
        "name": text,
        "kind": "export",
        "precision": "fp16",
        "manifest_sha256": "0" * 64,
        "parameters": {"total": 3, "encoder": 2, "embeddings": 1},
        "file_bytes": 12,
        "latency": {"p50_ms": 1.0, "p90_ms": 2.0, "p95_ms": 3.0, "p99_ms": 4.0, "throughput_texts_per_s": 5.0},
        "emissions": {"kwh_per_1000_texts": 1e-5, "gco2e_per_1000_texts": 1e-3, "source": "estimated"},
        "accuracy": 0.75,
        "macro_f1": 0.7,
        "confusion": [[3, 1], [0, 0]],
    }
    checks = [
        {
            "group": "accuracy",
            "name": f"check_{verdict}",
            "verdict": verdict,
            "figure": None,
            "threshold": 1.0,
            "unit": "points",
            "why": f"{text}: so it is",
            "settled_by_texts": 1234 if verdict == "inconclusive" else None,
        }
        for verdict in VERDICTS
    ]
    flip = {"index": 3, "text": text, "label": text, "before": text, "after": f"{text}!", "margin_before": 1.0}
    accuracy = {
        "texts": 4,
        "baseline_accuracy": 1.0,
        "candidate_accuracy": 0.75,
        "baseline_macro_f1": 1.0,
        "candidate_macro_f1": 0.7,
        "accuracy_difference_points": interval,
        "macro_f1_difference_points": interval,
        "flipped_to_wrong": 1,
        "flipped_to_right": 0,
        "mcnemar_p": 1.0,
        "resolvable_points": 1.0,
    }
    part = {"kind": "class", "name": text, "texts": 4, "before": 1.0, "after": 0.75, "to_wrong": 1, "to_right": 0}
    return ValidationResult.model_validate(
        {
            "verdict": "fail",
            "created": "2026-01-02T03:04:05.678901+00:00",
            "artifact": text,
            "participants": dict.fromkeys(("export", "source", "baseline"), model),
            "checks": checks,
            "classes": [text, f"{text}!"],
            "comparison": {
                "parity": {
                    "texts": 4,
                    "max_abs_logit_diff": None,
                    "mean_abs_logit_diff": 0.1,
                    "label_agreement": 0.75,
                    "mean_kl_nats": 0.1,
                    "non_finite_texts": 1,
                },
                "accuracy": accuracy,
                "slices": [part | {"p": 1.0, "adjusted_p": 1.0}],
                "flips": [flip | {"margin_after": None}],
                "worst_texts": [{"index": 3, "text": text, "logit_diff": None}],
                "speedup": interval,
                "latency_ms": {"export": [1.0, 2.0], "source": [1.5, 2.5], "baseline": [2.0, 3.0]},
                "measured_with": {},
            },
            "making": {
                "kwh": 0.5,
                "gco2e": 300.0,
                "source": "estimated",
                "country_name": text,
                "hardware": text,
                "stages": [
                    {"artifact": text, "kind": "teacher", "kwh": None, "gco2e": None},
                    {
                        "artifact": text,
                        "kind": "export",
                        "kwh": 0.5,
                        "gco2e": 300.0,
                        "source": "estimated",
                        "sources": {"cpu": text},
                    },
                ],
                "unknown": [text],
            },
            "break_even": {"texts": 9.0, "low": 8.0, "high": None, "making_kwh": 0.5, "unknown": [text]},
            "data": {"source": text},
            "notes": [text],
            "machine": {"processor": text},
            "versions": {"mctl": "0.1.0"},
        }
    )
