"""fp32 ONNX file -> fp16 ONNX file, with onnxruntime's converter.

Weights and arithmetic become half precision (after Micikevicius et al. 2018, arXiv 1710.03740, section 3.3: half
storage, wider sums inside the kernels); ids stay int64 and logits leave as float32, so a caller sees no difference but
size, speed and rounding.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper
from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16
from onnxruntime.transformers.onnx_model import OnnxModel

from .errors import ExportError
from .files import SINGLE_FILE_LIMIT_BYTES, model_files, read_model, read_weights, total_bytes, write_model

# Half of what fp16 can hold. A mask constant (float32's lowest value) is clipped to its negative; clipped to -65504
# instead, adding an attention score of -16 gives -inf, and a row of nothing but -inf has a softmax of NaN.
_LARGEST = 2.0**15
_FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE)
_SMALLEST = 5.96e-08  # fp16's smallest subnormal; the converter raises what is nearer to zero


@dataclass(frozen=True)
class PrecisionReport:
    """What the conversion did.

    Attributes:
        files: the ONNX file written and, when the weights did not fit into it, their file.
        source_bytes: the fp32 file, with its external data.
        target_bytes: the fp16 file, with its external data.
        fp16_initializer_share: of all initializer bytes written, the part (0..1) that is fp16; ids and shapes stay
            int64.
        fp16_weight_share: of the bytes of floating-point initializers, the part (0..1) that is fp16.
        nodes_kept_fp32: by operator, nodes that still compute in float32.
        weights_clipped: elements of weights beyond +-32768; more than none deserves a look.
        constants_clipped: single values beyond it, such as the attention mask's.
        weights_raised: non-zero elements of weights nearer to zero than fp16 can say, moved to +-5.96e-08.
    """

    files: tuple[Path, ...]
    source_bytes: int
    target_bytes: int
    fp16_initializer_share: float
    fp16_weight_share: float
    nodes_kept_fp32: Mapping[str, int]
    weights_clipped: int
    constants_clipped: int
    weights_raised: int

    @property
    def size_ratio(self) -> float:
        """Bytes after over bytes before."""
        return self.target_bytes / self.source_bytes


def nodes(path: Path) -> tuple[str, ...]:
    """Names of the nodes of the file at `path`, in the order of the graph.

    Raises:
        ExportError: the file is unreadable.
    """
    return tuple(node.name for node in read_model(path, weights=False).graph.node)


def to_fp16(
    source: Path,
    target: Path,
    *,
    keep_fp32_ops: Sequence[str] = (),
    keep_fp32: Collection[str] = (),
    single_file_limit_bytes: int = SINGLE_FILE_LIMIT_BYTES,
) -> PrecisionReport:
    """Writes the fp32 graph at `source` to `target` in half precision.

    Args:
        source: an fp32 .onnx file, with its external data beside it if it has any.
        target: the .onnx file to write; another than `source`.
        keep_fp32_ops: ONNX operators to leave in float32 beside those without an fp16 kernel, say "LayerNormalization"
            for a model whose activations overflow.
        keep_fp32: names of single nodes to leave in float32, as `bisection.nodes_to_keep` finds them.
        single_file_limit_bytes: weights larger than this go to `target` + ".data".

    Raises:
        ExportError: `source` is unreadable, has no such node, holds no float32 weights, or is `target`.
    """
    if source.resolve() == target.resolve():
        raise ExportError(f"the fp16 file would overwrite its fp32 source {source}")
    single = read_model(source, weights=False)
    source_bytes = total_bytes(model_files(source, single))
    # Types are inferred while large weights are still on disk: inference serializes, which protobuf stops at 2 GiB.
    typed = read_weights(onnx.shape_inference.infer_shapes(single), source)
    if not any(tensor.data_type == TensorProto.FLOAT for tensor in typed.graph.initializer):
        raise ExportError(f"{source} holds no float32 weights to convert")
    if unknown := sorted(set(keep_fp32) - {node.name for node in typed.graph.node}):
        raise ExportError(f"{source} has no node {', '.join(unknown)}")
    own_casts = {node.output[0] for node in typed.graph.node if node.op_type == "Cast"}
    losses = [_range_losses(tensor) for tensor in _tensors(typed)]
    half = convert_float_to_float16(
        typed,
        min_positive_val=_SMALLEST,
        max_finite_val=_LARGEST,
        keep_io_types=True,
        disable_shape_infer=True,
        op_block_list=[*DEFAULT_OP_BLOCK_LIST, *keep_fp32_ops],
        node_block_list=list(keep_fp32),
    )
    lost = _sum_losses(half, losses)
    kept = _float32_nodes(half)
    of_all, of_floats = _fp16_shares(half)
    files = write_model(_tidied(half, own_casts), target, single_file_limit_bytes=single_file_limit_bytes)
    return PrecisionReport(
        files=files,
        source_bytes=source_bytes,
        target_bytes=total_bytes(files),
        fp16_initializer_share=of_all,
        fp16_weight_share=of_floats,
        nodes_kept_fp32=kept,
        weights_clipped=lost.weights_clipped,
        constants_clipped=lost.constants_clipped,
        weights_raised=lost.weights_raised,
    )


@dataclass(frozen=True)
class _Losses:
    weights_clipped: int = 0
    constants_clipped: int = 0
    weights_raised: int = 0

    def __add__(self, other: _Losses) -> _Losses:
        return _Losses(
            self.weights_clipped + other.weights_clipped,
            self.constants_clipped + other.constants_clipped,
            self.weights_raised + other.weights_raised,
        )


def _tensors(model: onnx.ModelProto) -> Iterator[TensorProto]:
    """Every initializer and constant, in an order that the converter keeps (it only appends nodes)."""
    yield from model.graph.initializer
    for node in model.graph.node:
        yield from (attribute.t for attribute in node.attribute if attribute.type == onnx.AttributeProto.TENSOR)


def _range_losses(tensor: TensorProto) -> _Losses:
    """What `tensor` would lose in fp16; rounding aside."""
    if tensor.data_type != TensorProto.FLOAT:
        return _Losses()
    size = np.abs(numpy_helper.to_array(tensor))
    clipped = int(np.count_nonzero(np.isfinite(size) & (size > _LARGEST)))
    if size.size == 1:
        return _Losses(constants_clipped=clipped)
    return _Losses(weights_clipped=clipped, weights_raised=int(np.count_nonzero((size > 0) & (size < _SMALLEST))))


def _sum_losses(half: onnx.ModelProto, losses: Sequence[_Losses]) -> _Losses:
    """Over the tensors that did become fp16."""
    pairs = zip(_tensors(half), losses, strict=True)
    return sum((loss for tensor, loss in pairs if tensor.data_type == TensorProto.FLOAT16), start=_Losses())


def _float32_nodes(half: onnx.ModelProto) -> Mapping[str, int]:
    graph = half.graph
    types = {value.name: value.type.tensor_type.elem_type for value in (*graph.value_info, *graph.input, *graph.output)}
    types |= {tensor.name: tensor.data_type for tensor in graph.initializer}
    kept = (
        node.op_type
        for node in graph.node
        if node.op_type != "Cast" and any(types.get(name) == TensorProto.FLOAT for name in (*node.input, *node.output))
    )
    return dict(Counter(kept).most_common())


def _fp16_shares(half: onnx.ModelProto) -> tuple[float, float]:
    """Of the bytes of all initializers, and of those of floating-point ones."""
    sizes: Counter[int] = Counter()
    for tensor in half.graph.initializer:
        sizes[tensor.data_type] += numpy_helper.to_array(tensor).nbytes
    floats = sum(sizes[kind] for kind in _FLOATS)
    return sizes[TensorProto.FLOAT16] / sizes.total(), sizes[TensorProto.FLOAT16] / floats


def _tidied(half: onnx.ModelProto, own_casts: Collection[str]) -> onnx.ModelProto:
    """Nodes in running order, each once, and without the shapes that only the converter needed.

    The converter appends its casts at the end, and the same cast again for each float32 node that shares a weight.
    """
    graph = half.graph
    del graph.value_info[:]
    once = {tuple(node.output): node for node in reversed(graph.node)}
    _set_nodes(graph, [node for node in graph.node if once[tuple(node.output)] is node])
    _drop_round_trips(graph, own_casts)
    OnnxModel(half).topological_sort()
    return half


def _drop_round_trips(graph: onnx.GraphProto, own_casts: Collection[str]) -> None:
    """Float32 results that a float32 node reads no longer pass through fp16 on their way.

    The converter casts around each float32 node on its own; between two of them a large number would overflow. A cast
    that the model had before, those to `own_casts`, may start from ids and stays.
    """
    nodes = graph.node
    ups = {node.output[0]: node.input[0] for node in nodes if _casts_to(node, TensorProto.FLOAT)}
    downs = {node.output[0]: node.input[0] for node in nodes if _casts_to(node, TensorProto.FLOAT16)}
    shorter = {up: downs[half] for up, half in ups.items() if half in downs and half not in own_casts}
    for node in nodes:
        for index, name in enumerate(node.input):
            node.input[index] = shorter.get(name, name)
    for _ in ("casts up", "and the casts down that only they read"):
        read = {name for node in nodes for name in node.input}.union(value.name for value in graph.output)
        _set_nodes(graph, [node for node in nodes if node.op_type != "Cast" or node.output[0] in read])


def _set_nodes(graph: onnx.GraphProto, nodes: Sequence[onnx.NodeProto]) -> None:
    del graph.node[:]
    graph.node.extend(nodes)


def _casts_to(node: onnx.NodeProto, data_type: int) -> bool:
    return node.op_type == "Cast" and bool(onnx.helper.get_node_attr_value(node, "to") == data_type)
