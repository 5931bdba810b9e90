"""PyTorch module -> fp32 ONNX file, with batch and length left free.

A graph has one of several forms, and which is fastest depends on the execution provider:

    plain      matrix products and softmax, in operators of the ONNX standard alone; fastest on CPUs, in fp32 and int8
    attention  one `Attention` node of the standard a layer, opset 23
    fused      onnxruntime's own nodes for attention, embeddings, skip + LayerNorm and bias + GELU; meant for CUDA

`benchmarks/graph_forms.py` races them; its figures are in docs/benchmarks.md.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import onnx
import onnx_ir as ir
from torch import nn

from .attention import OPERATOR, PaddingBiasView, one_node_attention
from .errors import ExportError
from .files import SINGLE_FILE_LIMIT_BYTES, require_file_name, total_bytes, write_model
from .fusion import fuse, fusions, tidy
from .inputs import INPUT_NAMES
from .naming import name_after_modules
from .packing import PACKED
from .streaming import detach, weight_bytes
from .tracing import DYNAMIC_AXES, Attention, ExportView, example_inputs, float32_copy, switch_attention, trace

Form: TypeAlias = Literal["plain", "attention", "fused"]

# Of each form: what transformers computes attention with, and the operator set. 20 is the first to have Gelu as one
# node, which is worth some percent on a CPU, and 23 the first to have Attention.
_FORMS: Mapping[Form, tuple[Attention, int]] = {
    "plain": ("eager", 20),
    "attention": ("sdpa", 23),
    "fused": ("sdpa", 20),
}


@dataclass(frozen=True)
class GraphReport:
    """What was written.

    Attributes:
        files: the ONNX file and, when the weights did not fit into it, their file.
        file_bytes: both together.
        form: of the graph.
        opset: version of the ONNX operator set.
        input_names: the graph's inputs, each int64 (batch, sequence).
        output_name: the graph's output, float32 (batch, classes).
        classes: width of the output.
        node_count: nodes of the graph.
        operator_counts: nodes by operator, the most frequent first.
        fusions: of these, the ones that do what several others would.
        initializer_bytes: weights and constants.
    """

    files: tuple[Path, ...]
    file_bytes: int
    form: Form
    opset: int
    input_names: tuple[str, ...]
    output_name: str
    classes: int
    node_count: int
    operator_counts: Mapping[str, int]
    fusions: Mapping[str, int]
    initializer_bytes: int


def export_fp32(
    model: nn.Module,
    path: Path,
    *,
    input_names: Sequence[str],
    form: Form = "plain",
    opset: int | None = None,
    packed: bool = True,
    single_file_limit_bytes: int = SINGLE_FILE_LIMIT_BYTES,
) -> GraphReport:
    """Writes `model` to `path` with PyTorch's exporter (`torch.onnx.export`, dynamo).

    A copy of the model is exported, in float32, in evaluation mode and on the CPU: the caller's model keeps its device,
    type, training flags and configuration. Layers may differ in their number of heads and FFN rows. The file holds no
    stack traces and no source paths; the same model gives the same bytes.

    Args:
        model: a classifier that takes `input_names` as keyword arguments, each int64 (batch, length), and returns
            logits (batch, classes) as `torch_runner.TorchClassifier` understands them.
        path: the .onnx file to write; folders above it are made.
        input_names: input_ids, and those of attention_mask and token_type_ids that the model uses, in graph order.
        form: of the graph. A model that can no longer switch its attention keeps its own in the plain form.
        opset: ONNX operator set; that of the form when None.
        packed: whether attention nodes of the fused form do their own projections. Not for int8: onnxruntime's
            quantizer has no such node that adds a padding bias.
        single_file_limit_bytes: weights larger than this go to `path` + ".data".

    Raises:
        ExportError: an input that the model does not take or use, an opset that PyTorch cannot write, a model
            that fails on a small batch, one that torch.export cannot trace with free batch and length, or, for the
            fused form, one whose attention does more than leave out padding.
    """
    require_file_name(path)
    names = check_names(model, input_names)
    wanted = opset or _FORMS[form][1]
    graph = _traced(model, names, form, wanted, packed)
    name_after_modules(graph, prefix="classifier")
    exported, weights = detach(graph)
    strip_debug_records(exported, shapes=form != "fused")
    check_graph(exported, names, wanted)
    initializer_bytes = weight_bytes(exported, weights)
    files = write_model(exported, path, weights=weights, single_file_limit_bytes=single_file_limit_bytes)
    return described(exported, form, initializer_bytes, files)


def _traced(model: nn.Module, names: tuple[str, ...], form: Form, opset: int, packed: bool) -> ir.Model:
    """The graph in its form, in memory."""
    attention = _FORMS[form][0]
    example = example_inputs(names)
    if form != "fused":
        view = ExportView(float32_copy(model), names).eval()
        switch_attention(view, attention, example)
        graph = trace(view, example, opset)
        tidy(graph)
        return graph
    view = PaddingBiasView(float32_copy(model), names).eval()
    switch_attention(view, attention, example)
    with one_node_attention(view, example) as blocks:
        graph = trace(view, example, opset)
    fuse(graph, packed=packed)
    written = sum(node.op_type in (OPERATOR, PACKED) for node in graph.graph)
    if written != blocks:
        raise ExportError(f"only {written} of {blocks} attention blocks became one node")
    return graph


def check_names(model: nn.Module, input_names: Sequence[str]) -> tuple[str, ...]:
    """The names of inputs, if a classifier can have them.

    Raises:
        ExportError: unknown names, or such as `model` does not take.
    """
    names = tuple(input_names)
    unknown = [name for name in names if name not in INPUT_NAMES]
    if unknown or "input_ids" not in names or len(set(names)) < len(names):
        raise ExportError(f"input names must be input_ids and any of {', '.join(INPUT_NAMES[1:])}, got {list(names)}")
    parameters = inspect.signature(model.forward).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return names
    refused = [name for name in names if name not in parameters]
    if refused:
        raise ExportError(f"{type(model).__name__} takes no {', '.join(refused)}")
    return names


def strip_debug_records(model: onnx.ModelProto, *, shapes: bool) -> None:
    """Drops stack traces (they name paths of this machine and outweigh a small graph) and `shapes`.

    Shapes and types follow from the nodes where all of them are the standard's.
    """
    graph = model.graph
    weights = {tensor.name for tensor in graph.initializer}  # They carry shapes of their own, and may be replaced.
    noted = [] if shapes else [value for value in graph.value_info if value.name not in weights]
    del graph.value_info[:]
    graph.value_info.extend(noted)
    for record in (graph, *graph.node, *graph.input, *graph.output, *graph.initializer, *graph.value_info):
        del record.metadata_props[:]
        record.doc_string = ""
    model.doc_string = ""


def check_graph(model: onnx.ModelProto, names: tuple[str, ...], opset: int) -> None:
    """Refuse what is no graph from token ids to logits with batch and length left free.

    Raises:
        ExportError: it is not.
    """
    written = _opset(model)
    if written != opset:
        raise ExportError(f"PyTorch wrote opset {written} where {opset} was asked for: ask for {written}")
    consumed = {name for node in model.graph.node for name in node.input}
    unused = [name for name in names if name not in consumed]
    if unused:
        raise ExportError(f"the model makes no use of {', '.join(unused)}: leave it out of the input names")
    for value in model.graph.input:
        if _dims(value) != tuple(DYNAMIC_AXES.values()):
            raise ExportError(f"the model fixes the shape of {value.name} to {_dims(value)}")
    (output,) = model.graph.output
    batch, *classes = _dims(output)
    if batch != DYNAMIC_AXES[0] or len(classes) != 1 or not isinstance(classes[0], int):
        raise ExportError(f"the model's output has the shape {_dims(output)} where (batch, classes) is wanted")


def _dims(value: onnx.ValueInfoProto) -> tuple[str | int, ...]:
    return tuple(dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim)


def _opset(model: onnx.ModelProto) -> int:
    return int(next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")))


def described(model: onnx.ModelProto, form: Form, initializer_bytes: int, files: tuple[Path, ...]) -> GraphReport:
    """What there is to say of a graph that was written to `files`."""
    operators = Counter(node.op_type for node in model.graph.node)
    (output,) = model.graph.output
    return GraphReport(
        files=files,
        file_bytes=total_bytes(files),
        form=form,
        opset=_opset(model),
        input_names=tuple(value.name for value in model.graph.input),
        output_name=output.name,
        classes=int(output.type.tensor_type.shape.dim[-1].dim_value),
        node_count=len(model.graph.node),
        operator_counts=dict(operators.most_common()),
        fusions=fusions(operators),
        initializer_bytes=initializer_bytes,
    )
