"""The oldest onnxruntime that an ONNX file needs."""

from __future__ import annotations

from pathlib import Path

import onnx

from .files import read_model

# Version of the file format, and of the default operator set, with the release of onnxruntime that first reads it
# (https://onnxruntime.ai/docs/reference/compatibility.html).
_OF_FORMAT = {8: (1, 10), 9: (1, 15), 10: (1, 18), 11: (1, 22), 12: (1, 23), 13: (1, 24)}
_OF_OPSET = {17: (1, 12), 18: (1, 14), 19: (1, 15), 20: (1, 17), 21: (1, 18), 22: (1, 21), 23: (1, 23), 24: (1, 24)}
_CONTRIBUTED = "com.microsoft"
_BIAS = 5
"""Place of the attention bias among the inputs of both contributed attention operators."""
# Earlier ones want a bias for each head of each text, and mctl's is one for all heads of a text.
_SHARED_BIAS = (1, 20)


def onnxruntime_needed(path: str | Path) -> str:
    """Oldest release that loads and runs a file of mctl, such as "1.18"; newer formats than are known need the newest.

    Raises:
        ExportError: the file is missing or no ONNX.
    """
    model = read_model(Path(path), weights=False)
    opset = next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 0)
    needed = [_first(_OF_FORMAT, model.ir_version), _first(_OF_OPSET, opset)]
    if any(_has_bias(node) for node in model.graph.node):
        needed.append(_SHARED_BIAS)
    return ".".join(map(str, max(needed)))


def _first(known: dict[int, tuple[int, int]], version: int) -> tuple[int, int]:
    """The release of the lowest known version that is not below `version`."""
    return next((release for number, release in known.items() if number >= version), list(known.values())[-1])


def _has_bias(node: onnx.NodeProto) -> bool:
    attends = node.domain == _CONTRIBUTED and node.op_type in {"Attention", "MultiHeadAttention"}
    return attends and len(node.input) > _BIAS and bool(node.input[_BIAS])
