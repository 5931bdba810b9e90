"""What values go into the matrix products of a graph, seen on a sample of texts."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper

from .files import read_model, write_model
from .inputs import Inputs


@dataclass(frozen=True)
class Range:
    """Extremes of one activation.

    Attributes:
        lowest, highest: of every channel, (channels,) float32.
    """

    lowest: np.ndarray
    highest: np.ndarray

    @property
    def largest(self) -> np.ndarray:
        """Largest |value| of every channel, (channels,)."""
        return np.asarray(np.maximum(-self.lowest, self.highest))


def channel_ranges(path: Path, batches: Iterable[Inputs]) -> dict[str, Range]:
    """Extremes of every channel of what goes into the matrix products with weights.

    Args:
        path: an fp32 .onnx file.
        batches: inputs by name, (texts, tokens) each; padding counts, since it will be quantized as well.

    Returns:
        by name of the activation.

    Raises:
        ExportError: the file is unreadable or does not run on a batch.
    """
    from .session import open_session

    model = read_model(path)
    names = sorted({node.input[0] for node in products(model.graph)})
    outputs = [f"{name}/{which}" for which in ("lowest", "highest") for name in names]
    for name in names:
        model.graph.node.extend(_range_nodes(name))
    del model.graph.output[:]
    model.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, [None]) for name in outputs)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        ranged = Path(folder) / path.name
        write_model(model, ranged)
        session = open_session(ranged)
        fed = [node.name for node in session.get_inputs()]
        seen = [session.run(outputs, {name: batch[name] for name in fed}) for batch in batches]
    lowest = [np.min(values, axis=0) for values in zip(*(values[: len(names)] for values in seen), strict=True)]
    highest = [np.max(values, axis=0) for values in zip(*(values[len(names) :] for values in seen), strict=True)]
    return {name: Range(low, high) for name, low, high in zip(names, lowest, highest, strict=True)}


def products(graph: onnx.GraphProto) -> list[NodeProto]:
    """Nodes that multiply an activation by a matrix of weights, in graph order."""
    matrices = {tensor.name for tensor in graph.initializer if len(tensor.dims) == 2}
    return [node for node in graph.node if node.op_type in ("MatMul", "Gemm") and node.input[1] in matrices]


def _range_nodes(name: str) -> list[NodeProto]:
    """min and max over all axes but the last."""
    return [
        helper.make_node("Shape", [name], [f"{name}/channels"], start=-1),
        helper.make_node("Constant", [], [f"{name}/row"], value_ints=[-1]),
        helper.make_node("Concat", [f"{name}/row", f"{name}/channels"], [f"{name}/shape"], axis=0),
        helper.make_node("Reshape", [name, f"{name}/shape"], [f"{name}/rows"]),
        helper.make_node("Constant", [], [f"{name}/axis"], value_ints=[0]),
        helper.make_node("ReduceMin", [f"{name}/rows", f"{name}/axis"], [f"{name}/lowest"], keepdims=0),
        helper.make_node("ReduceMax", [f"{name}/rows", f"{name}/axis"], [f"{name}/highest"], keepdims=0),
    ]
