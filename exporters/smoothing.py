"""Outliers of activations, moved into weights before both become int8.

One scale for a whole activation wastes its 256 steps where a few channels are fifty times as large as the rest, as
behind the GELUs of trained encoders. Dividing each channel by a factor, and multiplying the row of the matrix that
meets it by the same factor, changes nothing in fp32 and evens the channels out: SmoothQuant (Xiao et al. 2023, arXiv
2211.10438, equations 3 and 4). The paper folds the division into the LayerNorm before; in encoders that normalise after
the sum, the sum reads that LayerNorm too, and nothing can be folded into a GELU, so here it is a node of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from .files import read_model, write_model
from .ranges import Range, products

SMOOTHED_RATIO = 8.0
"""Largest over median channel from which on an activation is smoothed: nearer ones lose less than they would cost."""

_ALPHA = 0.7  # Share of an outlier that moves into the weights (equation 4); they have a scale for every channel.
_LEAST = 1e-5  # A channel that was never seen is as good as this small.


def write_smoothed(source: Path, target: Path, ranges: Mapping[str, Range]) -> tuple[str, ...]:
    """Writes the fp32 graph at `source` to `target` with the outliers of its activations evened out.

    Args:
        ranges: of activations (`ranges.channel_ranges`); those without outliers are left alone.

    Returns:
        names of the nodes put in, in the order of the graph.

    Raises:
        ExportError: `source` is unreadable.
    """
    model = read_model(source)
    added = smooth(model, ranges)
    write_model(model, target)
    return added


def smooth(model: onnx.ModelProto, ranges: Mapping[str, Range]) -> tuple[str, ...]:
    """The same, of a model in memory and in place."""
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    added = {
        name: _even_out(model.graph, name, ranges[name].largest, nodes, weights)
        for name, nodes in _readers(model.graph).items()
        if name in ranges and _has_outliers(ranges[name].largest)
    }
    _insert(model.graph, added)
    return tuple(node.name for node in added.values())


def _readers(graph: onnx.GraphProto) -> dict[str, list[NodeProto]]:
    """By activation, the products that read it; such as share their matrix with another are left out."""
    uses = Counter(name for node in graph.node for name in node.input)
    found: dict[str, list[NodeProto]] = {}
    for node in products(graph):
        if node.op_type == "MatMul" and uses[node.input[1]] == 1:
            found.setdefault(node.input[0], []).append(node)
    return found


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
