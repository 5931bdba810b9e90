"""Checks of a compressed or exported text classifier: integrity, parity, accuracy, latency, emissions, and a verdict.

Every module stands alone and takes plain arrays, paths and callables; nothing here knows how a model was made:

    integrity   are the files the recorded ones, is the ONNX file sound?
    parity      does the export compute what its source computes?
    accuracy    is the candidate as often right as its baseline, within what these texts can tell?
    latency     how fast are they, side by side?
    emissions   what does that cost in electricity?
    gate        thresholds, checks with reasons, and the decision
    statistics  the resampling and the exact tests behind the figures

Only the gate and the errors are imported here: they need no other package. Import the rest by module.
"""

from __future__ import annotations

from .errors import MeasurementError, ShapeError, ValidatorError
from .gate import Check, Decision, Thresholds, Verdict, decide

__all__ = [
    "Check",
    "Decision",
    "MeasurementError",
    "ShapeError",
    "Thresholds",
    "ValidatorError",
    "Verdict",
    "decide",
]
