"""The fp32 graph by optimum-onnx, which traces through TorchScript: a second opinion, and a way back.

Where PyTorch's exporter fails on a model, this one may not. It needs the extra mctl[optimum]; its graph is checked and
written as ours is, under the same names of inputs, output and axes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx
from torch import nn

from .errors import ExportError
from .files import SINGLE_FILE_LIMIT_BYTES, read_model, require_file_name, write_model
from .graph import GraphReport, check_graph, check_names, described, strip_debug_records
from .streaming import weight_bytes
from .tracing import DYNAMIC_AXES, float32_copy, quiet

OPSET = 18
_TASK = "text-classification"
_CHATTY = ("optimum", "torch.onnx")


def export_with_optimum(
    model: nn.Module,
    path: Path,
    *,
    config: Any,
    input_names: Sequence[str],
    single_file_limit_bytes: int = SINGLE_FILE_LIMIT_BYTES,
) -> GraphReport:
    """Writes a text classifier to `path` in the plain form.

    Args:
        model: as for `graph.export_fp32`.
        path: the .onnx file to write; folders above it are made.
        config: of the stock type that optimum knows. The layout of `model` may be another.
        input_names: as for `graph.export_fp32`.
        single_file_limit_bytes: weights larger than this go to `path` + ".data".

    Raises:
        ExportError: optimum-onnx is not installed, knows no such model, or cannot export it; or its graph is not one
            from token ids to logits.
    """
    require_file_name(path)
    names = check_names(model, input_names)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        draft = Path(folder) / "draft.onnx"
        _write(float32_copy(model).eval(), draft, config, names)
        exported = read_model(draft)
    _rename(exported, names)
    strip_debug_records(exported, shapes=False)
    check_graph(exported, names, OPSET)
    files = write_model(exported, path, single_file_limit_bytes=single_file_limit_bytes)
    return described(exported, "plain", weight_bytes(exported, {}), files)


def _write(model: nn.Module, target: Path, config: Any, names: Sequence[str]) -> None:
    try:
        from optimum.exporters.onnx import export
        from optimum.exporters.tasks import TasksManager
    except ImportError as error:
        raise ExportError("optimum-onnx is not installed: `pip install 'mctl[optimum]'`") from error
    try:
        with quiet(_CHATTY):
            known = TasksManager.get_exporter_config_constructor(
                "onnx", model_type=config.model_type, task=_TASK, library_name="transformers"
            )
            export(model, _narrowed(known.func, names)(config, task=_TASK), target, opset=OPSET)
    except Exception as error:  # code of another project over a model of any kind
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ExportError(f"optimum cannot export this model: {reason}") from error


def _narrowed(known: type, names: Sequence[str]) -> type:
    """optimum's description of an export, with these inputs and no others."""
    axes = dict(DYNAMIC_AXES)
    return type(known.__name__, (known,), {"inputs": property(lambda _: dict.fromkeys(names, axes))})


def _rename(model: onnx.ModelProto, names: Sequence[str]) -> None:
    """Inputs in the order of `names`, and the output's axes under our names."""
    inputs = sorted(model.graph.input, key=lambda value: names.index(value.name))
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    for output in model.graph.output:
        output.type.tensor_type.shape.dim[0].dim_param = DYNAMIC_AXES[0]
