"""Query, key and value of an attention block as one matrix product, within the attention node.

onnxruntime's contributed `Attention` multiplies by a packed matrix (hidden, query + key + value) and adds the packed
bias while it lays the heads out, where `MultiHeadAttention` is handed three products and three sums: on CUDA that is
four launches fewer a layer, and one wide product fills a GPU better than three narrow ones. Heads may be fewer than the
hidden size has room for, so pruned blocks pack as well. Both operators: onnxruntime, docs/ContribOperators.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
from onnx import AttributeProto, NodeProto, helper

from .attention import DOMAIN, OPERATOR
from .derived import derived, weight_shape

PACKED = "Attention"
_SIZES = "qkv_hidden_sizes"
_BIAS = 5  # the input of both operators that is added to the scores
_ROLES = ("query", "key", "value")


@dataclass(frozen=True)
class _Projection:
    """rows @ weight + bias, of (batch, length, hidden) rows."""

    rows: ir.Value
    weight: ir.Value
    bias: ir.Value


def pack(model: ir.Model) -> int:
    """Replaces every `MultiHeadAttention` whose query, key and value are projections of the same rows, of one width.

    Others stay as they are. Products that nobody else reads are left to `fusion.tidy`.

    Returns:
        how many were replaced.
    """
    replaced = 0
    for node in [node for node in model.graph if node.op_type == OPERATOR and node.domain == DOMAIN]:
        found = [_projection(value) for value in node.inputs[:3]]
        projections = [one for one in found if one is not None]
        kinds = {(id(one.rows), weight_shape(one.weight)) for one in projections}
        if len(projections) == 3 and len(kinds) == 1:
            _replace(model.graph, node, projections)
            replaced += 1
    return replaced


def is_packed(node: NodeProto) -> bool:
    """Whether `node` is attention that does its own projections, as `pack` writes it: without a mask or a past."""
    return bool(node.op_type == PACKED and node.domain == DOMAIN and not any(node.input[3:_BIAS]))


def unpacked(node: NodeProto) -> list[NodeProto]:
    """The nodes that `pack` made one of, if `node` is such a one; else the node itself.

    Between them are the results that an `Attention` node keeps to itself.
    """
    if not is_packed(node):
        return [node]
    name = node.output[0]
    product, total = f"{name}/product", f"{name}/sum"
    roles = [f"{name}/{role}" for role in _ROLES]
    inputs = [*roles, "", "", *node.input[_BIAS : _BIAS + 1]]
    return [
        helper.make_node("MatMul", [node.input[0], node.input[1]], [product], f"{node.name}/product"),
        helper.make_node("Add", [product, node.input[2]], [total], f"{node.name}/sum"),
        helper.make_node("Split", [total], roles, f"{node.name}/split", axis=-1, num_outputs=len(roles)),
        _with_attributes(helper.make_node(OPERATOR, inputs, list(node.output), node.name, domain=DOMAIN), node),
    ]


def _with_attributes(made: NodeProto, node: NodeProto) -> NodeProto:
    own: Iterable[AttributeProto] = (one for one in node.attribute if one.name != _SIZES)
    made.attribute.extend(own)
    return made


def _projection(value: ir.Value | None) -> _Projection | None:
    """What computes `value`, if it is a product with a matrix of weights plus a vector of them."""
    total = value.producer() if value is not None else None
    if total is None or total.op_type != "Add":
        return None
    for product_value, bias in (total.inputs, total.inputs[::-1]):
        product = product_value.producer() if product_value is not None else None
        if product is None or product.op_type != "MatMul":
            continue
        rows, weight = product.inputs
        if rows is not None and weight is not None and bias is not None and _fit(weight, bias):
            return _Projection(rows, weight, bias)
    return None


def _fit(weight: ir.Value, bias: ir.Value) -> bool:
    """Whether they are weights (hidden, width) and (width,); a bias may also be one number for all."""
    shape = weight_shape(weight) or ()
    return len(shape) == 2 and weight_shape(bias) == shape[1:]


def _replace(graph: ir.Graph, node: ir.Node, projections: list[_Projection]) -> None:
    sizes = [(weight_shape(one.weight) or ())[-1] for one in projections]
    old = node.outputs[0]
    weight = _joined(graph, f"{old.name}/weight", [one.weight for one in projections])
    bias = _joined(graph, f"{old.name}/bias", [one.bias for one in projections])
    added = node.inputs[_BIAS] if len(node.inputs) > _BIAS else None
    attributes = dict(node.attributes) | {_SIZES: ir.AttrInt64s(_SIZES, sizes)}
    fused = ir.Node(
        DOMAIN,
        PACKED,
        [projections[0].rows, weight, bias, None, None, added],
        attributes.values(),
        num_outputs=1,
        metadata_props=node.metadata_props,
    )
    new = fused.outputs[0]
    new.shape, new.type = old.shape, old.type
    ir.convenience.replace_nodes_and_values(graph, node, [node], [fused], [old], [new])


def _joined(graph: ir.Graph, name: str, parts: list[ir.Value]) -> ir.Value:
    """Weights side by side."""
    shapes = [weight_shape(part) or () for part in parts]
    shape = [*shapes[0][:-1], sum(sides[-1] for sides in shapes)]
    return derived(graph, name, shape, parts, lambda values: np.concatenate(values, axis=-1))
