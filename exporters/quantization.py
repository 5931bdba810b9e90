"""fp32 ONNX file -> int8 ONNX file for CPUs, with onnxruntime's quantizer.

Dynamic quantization: weights become int8 once, with one scale for every output channel (Jacob et al. 2018, arXiv
1712.05877, and section 3.3 of Wu et al. 2020, arXiv 2004.09602, on why per channel); activations become uint8 while the
model runs, with one scale for each tensor, so that no calibration data is needed. That one scale covers all texts of a
call: a logit depends, in its last digits, on what else is in the batch. Static quantization (`calibration`) has scales
that are fixed beforehand.
"""

from __future__ import annotations

import logging
import tempfile
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import onnx
from onnx import TensorProto, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from .calibration import calibrated, quantize_static
from .errors import ExportError
from .files import SINGLE_FILE_LIMIT_BYTES, model_files, read_model, total_bytes, write_model
from .packing import is_packed
from .ranges import Range

_WITH_WEIGHTS = ("MatMul", "Gemm", "Gather")


@dataclass(frozen=True)
class QuantizationReport:
    """What the quantization did.

    Attributes:
        files: the ONNX file written and, when the weights did not fit into it, their file.
        source_bytes: the fp32 file, with its external data.
        target_bytes: the int8 file, with its external data.
        int8_initializer_share: of all initializer bytes written, the part (0..1) that is 8 bits wide.
        quantized: by operator, nodes whose weights are int8.
        kept_fp32: nodes with weights that were left in float32, in the order of the graph.
        calibrated: how many products have activations of a fixed scale.
    """

    files: tuple[Path, ...]
    source_bytes: int
    target_bytes: int
    int8_initializer_share: float
    quantized: Mapping[str, int]
    kept_fp32: tuple[str, ...]
    calibrated: int

    @property
    def size_ratio(self) -> float:
        """Bytes after over bytes before."""
        return self.target_bytes / self.source_bytes


def nodes_with_weights(path: Path) -> tuple[str, ...]:
    """Names of the matrix products and look-ups of the file at `path` that `to_int8` would quantize, in graph order.

    Raises:
        ExportError: the file is unreadable.
    """
    graph = read_model(path, weights=False).graph
    weights = {tensor.name for tensor in graph.initializer if tensor.data_type == TensorProto.FLOAT}
    return tuple(
        node.name for node in graph.node if node.op_type in _WITH_WEIGHTS and weights.intersection(node.input[:2])
    )


def to_int8(
    source: Path,
    target: Path,
    *,
    keep_fp32: Collection[str] = (),
    ranges: Mapping[str, Range] | None = None,
    single_file_limit_bytes: int = SINGLE_FILE_LIMIT_BYTES,
) -> QuantizationReport:
    """Writes the fp32 graph at `source` to `target` with int8 weights.

    Args:
        source: an fp32 .onnx file, with its external data beside it if it has any.
        target: the .onnx file to write; another than `source`.
        keep_fp32: names of nodes to leave as they are (see `nodes_with_weights`), say one with outliers in its input.
        ranges: of activations (`ranges.channel_ranges`). They have fixed scales then, and others are dynamic.
        single_file_limit_bytes: weights larger than this go to `target` + ".data".

    Raises:
        ExportError: `source` is unreadable, has no such node, has packed attention nodes, holds nothing to quantize but
            what is to be kept, or is `target`.
    """
    if source.resolve() == target.resolve():
        raise ExportError(f"the int8 file would overwrite its fp32 source {source}")
    if any(is_packed(node) for node in read_model(source, weights=False).graph.node):
        raise ExportError(f"{source} has attention nodes with weights of their own: export it with packed=False")
    nodes = nodes_with_weights(source)
    kept = tuple(name for name in nodes if name in set(keep_fp32))
    if unknown := sorted(set(keep_fp32) - set(nodes)):
        raise ExportError(f"{source} has no weights in {', '.join(unknown)}")
    if not nodes:
        raise ExportError(f"{source} holds no float32 weights to quantize")
    if len(kept) == len(nodes):
        raise ExportError(f"{source} holds no float32 weights to quantize but those that are to be kept")
    fixed = calibrated(read_model(source, weights=False).graph, ranges or {}) - set(kept)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as folder:
        begun = _with_fixed_scales(source, Path(folder) / "static.onnx", ranges, kept) if ranges else source
        model = _quantized(begun, Path(folder) / target.name, _as_renamed({*kept, *fixed}))
    source_bytes = total_bytes(model_files(source, read_model(source, weights=False)))
    share = _int8_share(model)
    files = write_model(model, target, single_file_limit_bytes=single_file_limit_bytes)
    return QuantizationReport(
        files=files,
        source_bytes=source_bytes,
        target_bytes=total_bytes(files),
        int8_initializer_share=share,
        quantized=_operators(source, set(nodes) - set(kept)),
        kept_fp32=kept,
        calibrated=len(fixed),
    )


def _with_fixed_scales(source: Path, draft: Path, ranges: Mapping[str, Range], kept: Collection[str]) -> Path:
    """What is left for the dynamic quantizer. It comes second, because it renames what it leaves alone."""
    model = read_model(source)
    quantize_static(model, ranges, kept)
    write_model(model, draft)
    return draft


def _as_renamed(names: Collection[str]) -> set[str]:
    """Names to exclude, and those that the quantizer gives the same nodes.

    Before it looks at names it turns each Gemm into a MatMul of another name and an Add. Without that name a Gemm
    would be quantized whatever is asked for.
    """
    return {*names, *(f"{name}_MatMul" for name in names)}


def _quantized(source: Path, draft: Path, excluded: Collection[str]) -> onnx.ModelProto:
    """The dynamically quantized graph in memory, by way of a file: the quantizer writes."""
    with _quiet():
        quantize_dynamic(
            source,
            draft,
            per_channel=True,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=list(_WITH_WEIGHTS),
            nodes_to_exclude=list(excluded),
            use_external_data_format=source.stat().st_size > SINGLE_FILE_LIMIT_BYTES,
            # Products of two activations, in attention, stay in float: their factors have no scale per channel.
            extra_options={"MatMulConstBOnly": True},
        )
    model = read_model(draft)
    model.doc_string = ""
    del model.metadata_props[:]
    return model


def _int8_share(model: onnx.ModelProto) -> float:
    sizes: Counter[int] = Counter()
    for tensor in model.graph.initializer:
        sizes[tensor.data_type] += numpy_helper.to_array(tensor).nbytes
    return (sizes[TensorProto.INT8] + sizes[TensorProto.UINT8]) / sizes.total()


def _operators(path: Path, names: Collection[str]) -> Mapping[str, int]:
    graph = read_model(path, weights=False).graph
    return dict(Counter(node.op_type for node in graph.node if node.name in names).most_common())


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences the quantizer's advice to run a preprocessing that PyTorch's exporter has done already."""
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(before)
