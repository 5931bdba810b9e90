"""FFN widths that tensor cores can work on.

A matrix in fp16 is read sixteen bytes at a time, so its sides should be multiples of eight numbers (NVIDIA, "Matrix
Multiplication Background", section 3). With any other width cuBLAS falls back to slower kernels, and a pruned model may
take longer than the whole one. Pruning by units leaves any width. Zeros fill it up: they come out of GELU as zeros and
meet zeros in the second matrix, so no logit changes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from .derived import derived, weight_shape

MULTIPLE = 8


@dataclass(frozen=True)
class _Ffn:
    """Both products of an FFN and the bias + GELU between them, the second input of each a weight."""

    first: ir.Node
    gelu: ir.Node
    second: ir.Node

    @property
    def width(self) -> int:
        (width,) = weight_shape(self.gelu.inputs[1]) or (0,)
        return width


def align(model: ir.Model, multiple: int = MULTIPLE) -> int:
    """Widens every FFN whose products, bias and GELU nobody else reads.

    Args:
        multiple: what widths become multiples of.

    Returns:
        how many rows of zeros were added, over all layers.
    """
    added = 0
    for ffn in [ffn for node in model.graph if node.op_type == "BiasGelu" and (ffn := _ffn_around(node))]:
        lacking = -ffn.width % multiple
        if lacking:
            _widen(model.graph, ffn, lacking)
        added += lacking
    return added


def _ffn_around(gelu: ir.Node) -> _Ffn | None:
    first = gelu.inputs[0].producer() if gelu.inputs[0] is not None else None
    readers = [use.node for use in gelu.outputs[0].uses()]
    if first is None or len(first.outputs[0].uses()) != 1 or len(readers) != 1:
        return None
    second = readers[0]
    if {first.op_type, second.op_type} != {"MatMul"}:
        return None
    inner, bias, outer = (weight_shape(node.inputs[1]) or () for node in (first, gelu, second))
    fit = len(inner) == len(outer) == 2 and inner[1:] == bias == outer[:1]
    return _Ffn(first, gelu, second) if fit else None


def _widen(graph: ir.Graph, ffn: _Ffn, lacking: int) -> None:
    for node, axis in ((ffn.first, 1), (ffn.gelu, 0), (ffn.second, 0)):
        weight = node.inputs[1]
        if weight is not None:
            node.replace_input_with(1, _padded(graph, f"{node.outputs[0].name}/filled", weight, axis, lacking))
    for value in (ffn.first.outputs[0], ffn.gelu.outputs[0]):
        if value.shape is not None:
            value.shape = ir.Shape([*value.shape[:-1], ffn.width])


def _padded(graph: ir.Graph, name: str, weight: ir.Value, axis: int, lacking: int) -> ir.Value:
    """A weight with zeros behind it on one axis."""
    sides = weight_shape(weight) or ()
    widths = [(0, lacking if place == axis else 0) for place in range(len(sides))]
    shape = [side + more for side, (_, more) in zip(sides, widths, strict=True)]
    return derived(graph, name, shape, [weight], lambda values: np.pad(values[0], widths))
