"""Static quantization: scales of activations fixed beforehand, from what a sample of texts showed.

Where dynamic quantization looks at each call for the largest value of each activation, here the scale is part of the
graph (section 3 of Wu et al. 2020, arXiv 2004.09602, "max" calibration). A text then has the same logits whatever else
is in its batch, but for the last digits of fp32 sums, and values beyond those of the sample are cut off. The graph
holds pairs of QuantizeLinear and DequantizeLinear around fp32 products, the form that runtimes other than onnxruntime
read too; all of them turn a product between such pairs into one of int8.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import onnx
from onnx import NodeProto, helper, numpy_helper

from .ranges import Range, products

_ACTIVATION_STEPS, _WEIGHT_STEPS = 255, 127
_LEAST = 1e-12  # The scale of nothing but zeros.


def quantize_static(model: onnx.ModelProto, ranges: Mapping[str, Range], kept: Collection[str]) -> None:
    """Puts the products of `model` between quantizations, in place: weights int8 by output channel, activations uint8.

    Args:
        ranges: of activations (`ranges.channel_ranges`); products of others are left alone.
        kept: names of nodes to leave alone.
    """
    graph = model.graph
    chosen = calibrated(graph, ranges) - set(kept)
    weights = {tensor.name: tensor for tensor in graph.initializer}
    ready: set[str] = set()
    ordered: list[NodeProto] = []
    for node in graph.node:
        if node.name not in chosen:
            ordered.append(node)
            continue
        if node.input[0] not in ready:
            ready.add(node.input[0])
            ordered.extend(_activation(graph, node.input[0], ranges[node.input[0]]))
        ordered.extend(_product(graph, node, numpy_helper.to_array(weights[node.input[1]])))
    del graph.node[:]
    graph.node.extend(ordered)
    _drop_unread(graph)


def calibrated(graph: onnx.GraphProto, ranges: Mapping[str, Range]) -> set[str]:
    """Names of the products that `quantize_static` can do."""
    return {node.name for node in products(graph) if node.input[0] in ranges and _is_plain(node)}


def _is_plain(node: NodeProto) -> bool:
    """Whether it is x W or x W + b, W transposed or not, and no more."""
    settings = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    return not settings.pop("transA", 0) and settings.get("alpha", 1.0) == settings.get("beta", 1.0) == 1.0


def _activation(graph: onnx.GraphProto, name: str, seen: Range) -> list[NodeProto]:
    """One scale and zero point for all of it; zero is always in the range, as padding and masks need it."""
    low, high = min(0.0, float(seen.lowest.min())), max(0.0, float(seen.highest.max()))
    scale = max((high - low) / _ACTIVATION_STEPS, _LEAST)
    zero = np.clip(np.rint(-low / scale), 0, _ACTIVATION_STEPS)
    return _pair(graph, name, np.array(scale, np.float32), np.array(zero, np.uint8))


def _pair(graph: onnx.GraphProto, name: str, scale: np.ndarray, zero: np.ndarray) -> list[NodeProto]:
    settings = [f"{name}/scale", f"{name}/zero"]
    graph.initializer.extend(numpy_helper.from_array(*pair) for pair in zip((scale, zero), settings, strict=True))
    return [
        helper.make_node("QuantizeLinear", [name, *settings], [f"{name}/quantized"], name=f"{name}/quantized"),
        helper.make_node(
            "DequantizeLinear", [f"{name}/quantized", *settings], [f"{name}/restored"], name=f"{name}/restored"
        ),
    ]


def _product(graph: onnx.GraphProto, node: NodeProto, matrix: np.ndarray) -> list[NodeProto]:
    """The product on restored values; a Gemm becomes a MatMul and an Add, which runtimes fuse more readily."""
    if any(attribute.name == "transB" and attribute.i for attribute in node.attribute):
        matrix = matrix.T
    name = f"{node.name}/weight"
    scale = np.maximum(np.abs(matrix).max(axis=0) / _WEIGHT_STEPS, _LEAST).astype(np.float32)
    graph.initializer.append(numpy_helper.from_array(np.rint(matrix / scale).astype(np.int8), f"{name}/quantized"))
    graph.initializer.append(numpy_helper.from_array(scale, f"{name}/scale"))
    restored = helper.make_node(
        "DequantizeLinear",
        [f"{name}/quantized", f"{name}/scale"],
        [f"{name}/restored"],
        name=f"{name}/restored",
        axis=1,
    )
    inputs = [f"{node.input[0]}/restored", f"{name}/restored"]
    if node.op_type == "MatMul" or len(node.input) < 3:
        return [restored, helper.make_node("MatMul", inputs, node.output, name=node.name)]
    product = f"{node.name}/product"
    return [
        restored,
        helper.make_node("MatMul", inputs, [product], name=node.name),
        helper.make_node("Add", [product, node.input[2]], node.output, name=f"{node.name}/bias"),
    ]


def _drop_unread(graph: onnx.GraphProto) -> None:
    """fp32 weights that nothing reads any more."""
    read = {name for node in graph.node for name in node.input}
    left = [tensor for tensor in graph.initializer if tensor.name in read]
    del graph.initializer[:]
    graph.initializer.extend(left)
