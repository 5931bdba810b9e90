"""Where onnxruntime runs the nodes of a session.

A session that lists a GPU provider first may still run any node on the CPU, for which the GPU has no kernel: shape
arithmetic, on purpose, and with it whatever else is not supported there, such as the integer products of a graph that
was quantised for CPUs. Each such node costs two copies and a wait.
"""

from __future__ import annotations

import onnxruntime as ort

#: Operators that do the work of an encoder, before and after onnxruntime's own fusions.
# fmt: off
WORK = frozenset(
    {
        "MatMul", "Gemm", "FusedMatMul", "FusedGemm", "MatMulInteger",
        "MatMulIntegerToFloat", "MatMulNBits", "QLinearMatMul", "QGemm",
        "DynamicQuantizeLinear", "DynamicQuantizeMatMul", "QuantizeLinear", "DequantizeLinear", "Attention",
        "MultiHeadAttention", "PackedAttention", "PackedMultiHeadAttention", "QAttention", "Softmax",
        "BiasSoftmax",
        "LayerNormalization", "SkipLayerNormalization", "EmbedLayerNormalization", "SimplifiedLayerNormalization",
        "Erf", "Gelu", "BiasGelu", "FastGelu", "QuickGelu",
        "Tanh",
    }
)
# fmt: on

RECORD = "session.record_ep_graph_assignment_info"  # the session option that `work_elsewhere` needs


def work_elsewhere(session: ort.InferenceSession, wanted: str) -> dict[str, tuple[str, ...]]:
    """The nodes that do the work and run on another provider than `wanted`: their names, by operator.

    Args:
        session: opened with `RECORD` set to "1".
        wanted: such as "CUDAExecutionProvider".
    """
    found: dict[str, list[str]] = {}
    for part in session.get_provider_graph_assignment_info():
        if part.ep_name == wanted:
            continue
        for node in part.get_nodes():
            if node.op_type in WORK:
                found.setdefault(node.op_type, []).append(node.name)
    return {operator: tuple(names) for operator, names in found.items()}


def listed(found: dict[str, tuple[str, ...]], most: int = 3) -> str:
    """What `work_elsewhere` found, on one line: "24 MatMulInteger (a, b, c, ...), 1 Tanh (d)"."""
    parts = []
    for operator, names in found.items():
        shown = ", ".join(names[:most]) + (", ..." if len(names) > most else "")
        parts.append(f"{len(names)} {operator} ({shown})")
    return ", ".join(parts)
