"""Outliers of activations, moved into weights before both become int8.

One scale for a whole activation wastes its 256 steps where a few channels are fifty times as large as the rest, as
behind the GELUs of trained encoders. Dividing each channel by a factor, and multiplying the row of the matrix that
meets it by the same factor, changes nothing in fp32 and evens the channels out: SmoothQuant (Xiao et al. 2023, arXiv
2211.10438, equations 3 and 4). The paper folds the division into the LayerNorm before; in encoders that normalise after
the sum, the sum reads that LayerNorm too, and nothing can be folded into a GELU, so here it is a node of its own.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from .files import read_model, write_model
from .inputs import Inputs

SMOOTHED_RATIO = 8.0
"""Largest over median channel from which on an activation is smoothed: nearer ones lose less than they would cost."""

_ALPHA = 0.7  # Share of an outlier that moves into the weights (equation 4); they have a scale for every channel.
_LEAST = 1e-5  # A channel that was never seen is as good as this small.


def channel_ranges(path: Path, batches: Iterable[Inputs]) -> dict[str, np.ndarray]:
    """Largest |value| of every channel of what goes into the matrix products with weights.

    Args:
        path: an fp32 .onnx file.
        batches: inputs by name, (texts, tokens) each; padding counts, since it will be quantized as well.

    Returns:
        by name of the activation, (channels,) float32.

    Raises:
        ExportError: the file is unreadable or does not run on a batch.
    """
    from .session import open_session

    model = read_model(path)
    names = sorted({node.input[0] for node in _products(model.graph)})
    for name in names:
        model.graph.node.extend(_range_nodes(name))
    del model.graph.output[:]
    model.graph.output.extend(
        helper.make_tensor_value_info(f"{name}/range", TensorProto.FLOAT, [None]) for name in names
    )
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        ranged = Path(folder) / path.name
        write_model(model, ranged)
        session = open_session(ranged)
        fed = [node.name for node in session.get_inputs()]
        seen = [session.run(None, {name: batch[name] for name in fed}) for batch in batches]
    return {name: np.max([ranges[index] for ranges in seen], axis=0) for index, name in enumerate(names)}


def write_smoothed(source: Path, target: Path, ranges: Mapping[str, np.ndarray]) -> tuple[str, ...]:
    """Writes the fp32 graph at `source` to `target` with the outliers of its activations evened out.

    Args:
        ranges: of activations, see `channel_ranges`; those without outliers are left alone.

    Returns:
        names of the nodes put in, in the order of the graph.

    Raises:
        ExportError: `source` is unreadable.
    """
    model = read_model(source)
    added = smooth(model, ranges)
    write_model(model, target)
    return added


def smooth(model: onnx.ModelProto, ranges: Mapping[str, np.ndarray]) -> tuple[str, ...]:
    """The same, of a model in memory and in place."""
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    readers: dict[str, list[NodeProto]] = {}
    for node in _products(model.graph):
        readers.setdefault(node.input[0], []).append(node)
    added = {
        name: _even_out(model.graph, name, ranges[name], nodes, weights)
        for name, nodes in readers.items()
        if name in ranges and _has_outliers(ranges[name])
    }
    _insert(model.graph, added)
    return tuple(node.name for node in added.values())


def _products(graph: onnx.GraphProto) -> list[NodeProto]:
    """MatMul nodes whose second factor is a matrix of weights that nothing else reads."""
    uses = Counter(name for node in graph.node for name in node.input)
    matrices = {tensor.name for tensor in graph.initializer if len(tensor.dims) == 2 and uses[tensor.name] == 1}
    return [node for node in graph.node if node.op_type == "MatMul" and node.input[1] in matrices]


def _range_nodes(name: str) -> list[NodeProto]:
    """max |x| over all axes but the last."""
    return [
        helper.make_node("Abs", [name], [f"{name}/abs"]),
        helper.make_node("Shape", [name], [f"{name}/channels"], start=-1),
        helper.make_node("Constant", [], [f"{name}/row"], value_ints=[-1]),
        helper.make_node("Concat", [f"{name}/row", f"{name}/channels"], [f"{name}/shape"], axis=0),
        helper.make_node("Reshape", [f"{name}/abs", f"{name}/shape"], [f"{name}/rows"]),
        helper.make_node("Constant", [], [f"{name}/axis"], value_ints=[0]),
        helper.make_node("ReduceMax", [f"{name}/rows", f"{name}/axis"], [f"{name}/range"], keepdims=0),
    ]


def _has_outliers(channels: np.ndarray) -> bool:
    return bool(channels.max() > SMOOTHED_RATIO * max(float(np.median(channels)), _LEAST))


def _even_out(
    graph: onnx.GraphProto,
    name: str,
    channels: np.ndarray,
    readers: list[NodeProto],
    weights: Mapping[str, TensorProto],
) -> NodeProto:
    """The division as a node; rows of the matrices are multiplied, and readers read the node's output."""
    matrices = {reader.input[1]: numpy_helper.to_array(weights[reader.input[1]]) for reader in readers}
    rows = np.max([np.abs(matrix).max(axis=1) for matrix in matrices.values()], axis=0)
    factor = np.maximum(channels, _LEAST) ** _ALPHA / np.maximum(rows, _LEAST) ** (1 - _ALPHA)
    factor = (factor / np.exp(np.log(factor).mean())).astype(np.float32)
    for matrix_name, matrix in matrices.items():
        weights[matrix_name].CopyFrom(numpy_helper.from_array(matrix * factor[:, None], matrix_name))
    graph.initializer.append(numpy_helper.from_array(1 / factor, f"{name}/factor"))
    for reader in readers:
        reader.input[0] = f"{name}/smooth"
    return helper.make_node("Mul", [name, f"{name}/factor"], [f"{name}/smooth"], name=f"{name}/smooth")


def _insert(graph: onnx.GraphProto, added: Mapping[str, NodeProto]) -> None:
    """Puts each new node behind the one that makes its input."""
    ordered = []
    for node in graph.node:
        ordered.append(node)
        ordered.extend(added[output] for output in node.output if output in added)
    del graph.node[:]
    graph.node.extend(ordered)
