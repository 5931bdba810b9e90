"""Weights of a graph that are made of others, no sooner than the file is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import onnx_ir as ir


def derived(
    graph: ir.Graph,
    name: str,
    shape: Sequence[int],
    sources: Sequence[ir.Value],
    combine: Callable[[list[np.ndarray]], np.ndarray],
) -> ir.Value:
    """A new weight of `graph`.

    Args:
        name: that no other value has.
        shape: of what `combine` returns.
        sources: weights of one type.
        combine: from the values of `sources` to those of the new weight.

    Raises:
        ValueError: a source is no weight.
    """
    tensors = [value.const_value for value in sources if value.const_value is not None]
    if len(tensors) != len(sources):
        raise ValueError(f"{name} cannot be made of values that are no weights")

    def make() -> ir.Tensor:
        values = np.ascontiguousarray(combine([tensor.numpy() for tensor in tensors]))
        if values.shape != tuple(shape):  # the file's framing was reckoned from what was declared
            raise ValueError(f"{name} has the shape {values.shape} where {tuple(shape)} was declared")
        return ir.tensor(values, name=name)

    tensor = ir.LazyTensor(make, dtype=tensors[0].dtype, shape=ir.Shape(shape), name=name)
    value = ir.Value(name=name, shape=ir.Shape(shape), type=ir.TensorType(tensor.dtype), const_value=tensor)
    graph.register_initializer(value)
    return value


def weight_shape(value: ir.Value | None) -> tuple[int, ...] | None:
    """Sides of a weight; None where `value` is no weight."""
    if value is None or value.const_value is None:
        return None
    return tuple(int(side) for side in value.const_value.shape)
