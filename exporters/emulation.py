"""What a GPU computes of an fp16 graph, on a CPU.

onnxruntime has few fp16 kernels for CPUs. It runs the others in fp32 and, to save casts, passes their fp32 results on:
an activation of 100,000, which is infinite in fp16, goes unnoticed there. Here every result is rounded to fp16 where a
GPU stores it, and everything between is fp32, as it is in the sums of a GPU's matrix products.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from .files import read_model, write_model
from .packing import unpacked

_OF_ANOTHER_TYPE = frozenset(
    {"ArgMax", "ArgMin", "Equal", "Greater", "GreaterOrEqual", "IsInf", "IsNaN", "Less", "LessOrEqual", "Shape", "Size"}
)
# They move numbers that are rounded already.
_MOVES = frozenset({"Concat", "Expand", "Gather", "Identity", "Reshape", "Slice", "Split", "Squeeze", "Transpose"})


def write_rounded(source: Path, target: Path) -> None:
    """Writes the fp16 graph at `source` to `target` as an fp32 graph that rounds every result to fp16.

    Raises:
        ExportError: `source` is unreadable.
    """
    model = read_model(source)
    graph = model.graph
    half = {tensor.name for tensor in graph.initializer if _widen(tensor)}
    nodes = [made for node in graph.node for part in unpacked(node) for made in _rounded(part, half)]
    del graph.node[:]
    graph.node.extend(nodes)
    del graph.value_info[:]
    write_model(model, target)


def _rounded(node: NodeProto, half: set[str]) -> list[NodeProto]:
    """`node` in fp32, and what rounds its result; `half`, names of fp16 results so far, grows."""
    if node.op_type == "Cast":
        return _rounding_cast(node, half)
    constant = [attribute.t for attribute in node.attribute if attribute.HasField("t") and _widen(attribute.t)]
    if not constant and not half.intersection(node.input):
        return [node]
    if node.op_type in _OF_ANOTHER_TYPE:
        return [node]
    if constant or node.op_type in _MOVES:
        half.update(node.output)
        return [node]
    name = node.output[0]
    half.add(name)
    node.output[0] = f"{name}/exact"
    return [node, *_round(f"{name}/exact", name)]


def _rounding_cast(node: NodeProto, half: set[str]) -> list[NodeProto]:
    if helper.get_node_attr_value(node, "to") != TensorProto.FLOAT16:
        return [node]
    half.add(node.output[0])
    return _round(node.input[0], node.output[0])


def _round(exact: str, name: str) -> list[NodeProto]:
    return [
        helper.make_node("Cast", [exact], [f"{name}/half"], to=TensorProto.FLOAT16),
        helper.make_node("Cast", [f"{name}/half"], [name], to=TensorProto.FLOAT),
    ]


def _widen(tensor: onnx.TensorProto) -> bool:
    """Turns an fp16 tensor into an fp32 one of the same values, in place; says whether it was one."""
    if tensor.data_type != TensorProto.FLOAT16:
        return False
    tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float32), tensor.name))
    return True
