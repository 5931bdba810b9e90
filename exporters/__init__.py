"""PyTorch text classifiers to ONNX files, and both behind one callable.

Every module stands alone and takes models, paths and plain settings; nothing here knows how a model was made:

    graph         PyTorch module -> fp32 ONNX file, batch and length left free
    with_optimum  the same by optimum-onnx
    fusion        the graph in memory -> fewer and larger nodes, for CUDA
    packing       attention and its projections as one node
    alignment     FFN widths that tensor cores can work on
    streaming     the same graph -> file, its weights one at a time
    precision     fp32 ONNX file -> fp16 ONNX file
    quantization  fp32 ONNX file -> int8 ONNX file
    ranges        ONNX file, texts -> extremes of what goes into its matrix products
    calibration   int8 with scales fixed beforehand, for quantization
    smoothing     fp32 ONNX file -> the same without outliers in its activations, for int8
    excerpt       ONNX file -> the same with few token embeddings, for trials
    emulation     fp16 ONNX file -> what a GPU computes of it, for CPUs
    bisection     which nodes have to stay in fp32
    session       ONNX file -> callable from token ids to logits, on the device that was asked for
    placement     where a session runs its nodes
    binding       session -> the same callable on buffers that stay on the device, with CUDA graphs
    runtime       ONNX file -> the fastest of these on a device
    runtime_version
                  the oldest onnxruntime that a file needs
    torch_runner  PyTorch module -> the same callable

Names are imported on first use, so that importing this package loads neither torch nor onnx.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .errors import ExportError

if TYPE_CHECKING:
    from .bisection import nodes_to_keep
    from .graph import GraphReport, export_fp32
    from .precision import PrecisionReport, to_fp16
    from .quantization import QuantizationReport, nodes_with_weights, to_int8
    from .runtime import open_classifier
    from .session import OnnxClassifier, open_session
    from .torch_runner import TorchClassifier

__all__ = [
    "ExportError",
    "GraphReport",
    "OnnxClassifier",
    "PrecisionReport",
    "QuantizationReport",
    "TorchClassifier",
    "export_fp32",
    "nodes_to_keep",
    "nodes_with_weights",
    "open_classifier",
    "open_session",
    "to_fp16",
    "to_int8",
]

_HOME = {
    "GraphReport": "graph",
    "OnnxClassifier": "session",
    "PrecisionReport": "precision",
    "QuantizationReport": "quantization",
    "TorchClassifier": "torch_runner",
    "export_fp32": "graph",
    "nodes_to_keep": "bisection",
    "nodes_with_weights": "quantization",
    "open_classifier": "runtime",
    "open_session": "session",
    "to_fp16": "precision",
    "to_int8": "quantization",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
