"""Fewer and larger nodes: what onnxruntime's CUDA kernels do in one go becomes one node of the graph.

The rules for bias + GELU and for skip + LayerNormalization are onnxscript's; those for reshapes between three and four
dimensions and for the embeddings are here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import onnx_ir as ir
from onnx_ir.passes import common
from onnxscript.rewriter import RewriteRule, RewriteRuleSet, pattern
from onnxscript.rewriter.ort_fusions.bias_gelu import fuse_bias_gelu
from onnxscript.rewriter.ort_fusions.skip_normalization import fuse_skip_layer_normalization
from onnxscript.rewriter.rules.common import no_op_transpose_rule, transpose_transpose_rule

from .alignment import align
from .embeddings import fuse_embeddings
from .packing import pack

FUSED_OPERATORS: Mapping[str, str] = {
    "Attention": "attention, its projections included where it is onnxruntime's",
    "MultiHeadAttention": "attention",
    "EmbedLayerNormalization": "embeddings + LayerNorm",
    "SkipLayerNormalization": "skip + LayerNorm",
    "BiasGelu": "bias + GELU",
}
"""Operators that stand for several, and what they do."""


def tidy(model: ir.Model) -> None:
    """Removes nodes that change nothing, and those whose result nobody reads."""
    common.IdentityEliminationPass()(model)
    common.RemoveUnusedNodesPass()(model)


def fuse(model: ir.Model, *, packed: bool = True) -> None:
    """Fuses around the attention nodes that `one_node_attention` wrote. Values must carry their shapes.

    Args:
        packed: whether attention nodes do their own projections (`packing`).
    """
    tidy(model)
    for rule in _SHAPES:
        RewriteRuleSet([rule]).apply_to_model(model)
        tidy(model)
    fuse_embeddings(model)  # before skip connections: it is a sum + LayerNorm too
    fuse_skip_layer_normalization(model)
    fuse_bias_gelu(model)
    align(model)
    if packed:
        pack(model)
    tidy(model)
    _drop_unread_outputs(model)


def _drop_unread_outputs(model: ir.Model) -> None:
    """Of skip + LayerNorm, the sums and statistics that only training reads: a kernel writes what it is asked for."""
    for node in model.graph:
        if node.op_type == "SkipLayerNormalization":
            read = [index for index, value in enumerate(node.outputs) if value.uses() or value.is_graph_output()]
            node.resize_outputs(max(read, default=0) + 1)


def fusions(operator_counts: Mapping[str, int]) -> dict[str, int]:
    """Of a graph's nodes by operator, the fused ones."""
    return {name: operator_counts[name] for name in FUSED_OPERATORS if operator_counts.get(name)}


def operator_counts(model: ir.Model) -> dict[str, int]:
    """Nodes by operator, the most frequent first."""
    return dict(Counter(node.op_type for node in model.graph).most_common())


def _reshaped(op: pattern.OpsetPatternBuilder, tensor: ir.Value, shape: ir.Value) -> ir.Value:
    result: ir.Value = op.Reshape(tensor, shape, _allow_other_attributes=True, _outputs=["result"])
    return result


def _reshaped_twice(op: pattern.OpsetPatternBuilder, tensor: ir.Value, split: ir.Value, joined: ir.Value) -> ir.Value:
    return _reshaped(op, op.Reshape(tensor, split, _allow_other_attributes=True), joined)


def _same_shape(context: object, tensor: ir.Value, result: ir.Value, **_: object) -> bool:
    """Whether both shapes are known and equal, free dimensions by name."""
    shapes = (tensor.shape, result.shape)
    if any(shape is None or any(_unknown(size) for size in shape) for shape in shapes):
        return False
    return bool(shapes[0] == shapes[1])


def _unknown(size: int | ir.SymbolicDim) -> bool:
    return isinstance(size, ir.SymbolicDim) and size.value is None


def _unchanged(op: pattern.OpsetPatternBuilder, tensor: ir.Value, **_: object) -> ir.Value:
    result: ir.Value = op.Identity(tensor)
    return result


# Attention blocks split their rows into heads, and the attention node takes and returns them joined. With a single
# head PyTorch writes the same detour with a reshape in the middle that changes nothing.
_SHAPES = (
    RewriteRule(_reshaped, _unchanged, _same_shape),
    transpose_transpose_rule,
    no_op_transpose_rule,
    RewriteRule(_reshaped_twice, _unchanged, _same_shape),
)
