"""Is an ONNX file sound, and does it have the inputs and outputs its user was promised?"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped, unused-ignore]
from onnx import TensorProto, external_data_helper, numpy_helper

from .paths import is_safe_name

# What onnx raises on bytes that are not what they claim to be.
_UNSOUND = (
    DecodeError,
    onnx.checker.ValidationError,
    onnx.shape_inference.InferenceError,
    KeyError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
_FLOATS = {
    TensorProto.FLOAT,
    TensorProto.FLOAT16,
    TensorProto.BFLOAT16,
    TensorProto.DOUBLE,
}


@dataclass(frozen=True)
class OnnxResult:
    """What an ONNX file holds, and what is wrong with it.

    Attributes:
        problems: one sentence for everything that is wrong; empty for a sound file.
        opset: version of the default operator set, None if the file cannot be parsed or has none.
        inputs, outputs: names, in the order of the graph.
        nodes_by_type: nodes of the main graph by operator, those of other domains with the domain before it.
        initializer_bytes: bytes of all initializers.
        float_bytes: those of floating-point initializers: ids and shapes are never float16.
        fp16_bytes: those that are float16.
        non_finite_initializers: names of initializers with a NaN, or with an infinity among several values. A single
            infinite value is how graphs write "masked" and is not counted.
    """

    problems: tuple[str, ...]
    opset: int | None = None
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    nodes_by_type: dict[str, int] = field(default_factory=dict)
    initializer_bytes: int = 0
    float_bytes: int = 0
    fp16_bytes: int = 0
    non_finite_initializers: tuple[str, ...] = ()

    @property
    def nodes(self) -> int:
        """Nodes of the main graph."""
        return sum(self.nodes_by_type.values())

    @property
    def fp16_share(self) -> float:
        """Share (0..1) of the bytes of floating-point weights that are float16; 0 without any."""
        return self.fp16_bytes / self.float_bytes if self.float_bytes else 0.0

    @property
    def fp16_share_of_all(self) -> float:
        """The same of the bytes of all initializers: what mctl 0.1.0 recorded."""
        return self.fp16_bytes / self.initializer_bytes if self.initializer_bytes else 0.0


@dataclass(frozen=True)
class _Weights:
    bytes: int
    float_bytes: int
    fp16_bytes: int
    non_finite: tuple[str, ...]


def check_onnx(path: str | Path, inputs: Sequence[str], outputs: Sequence[str]) -> OnnxResult:
    """Parse an ONNX file, run the full check of onnx on it, and compare its inputs and outputs with the declared names.

    External data is read only from beside the file. A file that is missing, cut short or not ONNX is a problem in the
    result, never an exception.

    Args:
        path: of the ONNX file.
        inputs, outputs: names that the graph must have, all of them and no others, in any order.
    """
    file = Path(path)
    try:
        model = onnx.load(str(file), format="protobuf", load_external_data=False)
    except _UNSOUND as error:
        return OnnxResult(problems=(f"{file.name} cannot be read as ONNX: {_first_line(error)}",))
    graph_inputs, graph_outputs = _input_names(model), tuple(value.name for value in model.graph.output)
    problems = [*_differences("input", graph_inputs, inputs), *_differences("output", graph_outputs, outputs)]
    weights = _Weights(0, 0, 0, ())
    unsound = _unsafe_locations(file, model)
    if not unsound:
        with _without_links(file, model) as place:
            unsound = _soundness_problems(place, model)
            if not unsound:
                try:
                    weights = _weigh(model, place.parent)
                except _UNSOUND as error:
                    unsound = [f"the weights of {file.name} cannot be read: {_first_line(error)}"]
    return OnnxResult(
        problems=(*unsound, *problems),
        opset=_opset(model),
        inputs=graph_inputs,
        outputs=graph_outputs,
        nodes_by_type=dict(sorted(Counter(_operator(node) for node in model.graph.node).items())),
        initializer_bytes=weights.bytes,
        float_bytes=weights.float_bytes,
        fp16_bytes=weights.fp16_bytes,
        non_finite_initializers=weights.non_finite,
    )


def _unsafe_locations(file: Path, model: onnx.ModelProto) -> list[str]:
    unsafe = sorted({location for location in _external_locations(model) if not is_safe_name(file.parent, location)})
    if unsafe:
        return [f"{file.name} keeps weights outside its folder, in {', '.join(unsafe)}; they were not opened"]
    return []


@contextmanager
def _without_links(file: Path, model: onnx.ModelProto) -> Iterator[Path]:
    """The file where none of its external data is behind a link, which onnx does not follow.

    In the cache of the hub's client all files are links: copies of what they lead to are given instead. onnx takes no
    hard links either. Only a model of more than 1.9 GB has external data.
    """
    locations = sorted(set(_external_locations(model)))
    if not any((file.parent / location).is_symlink() for location in locations):
        yield file
        return
    with tempfile.TemporaryDirectory() as folder:
        for name in (file.name, *locations):
            source, target = (file.parent / name).resolve(), Path(folder) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_file():  # One that is gone is the checker's to report.
                shutil.copyfile(source, target)
        yield Path(folder) / file.name


def _soundness_problems(file: Path, model: onnx.ModelProto) -> list[str]:
    opset, newest = _opset(model), onnx.defs.onnx_opset_version()
    if opset is not None and opset > newest:  # The checker lets it pass: it looks operators up in what it has.
        return [f"{file.name} is of opset {opset}, and onnx {onnx.__version__} knows up to {newest}"]
    try:
        onnx.checker.check_model(str(file), full_check=True)
    except _UNSOUND as error:
        return [f"{file.name} is not a valid model: {_first_line(error)}"]
    return []


def _opset(model: onnx.ModelProto) -> int | None:
    return next((int(entry.version) for entry in model.opset_import if entry.domain in ("", "ai.onnx")), None)


def _external_locations(model: onnx.ModelProto) -> Iterable[str]:
    for tensor in model.graph.initializer:
        if external_data_helper.uses_external_data(tensor):
            yield from (str(entry.value) for entry in tensor.external_data if entry.key == "location")


def _weigh(model: onnx.ModelProto, folder: Path) -> _Weights:
    total = floats = fp16 = 0
    non_finite = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor, base_dir=str(folder))
        total += values.nbytes
        floats += values.nbytes if tensor.data_type in _FLOATS else 0
        if tensor.data_type == TensorProto.FLOAT16:
            fp16 += values.nbytes
        if tensor.data_type in _FLOATS and _is_spoilt(np.asarray(values)):
            non_finite.append(str(tensor.name))
    return _Weights(total, floats, fp16, tuple(non_finite))


def _is_spoilt(values: np.ndarray) -> bool:
    return bool(np.isnan(values).any() or (values.size > 1 and np.isinf(values).any()))


def _input_names(model: onnx.ModelProto) -> tuple[str, ...]:
    """Names to feed; before IR version 4 initializers are listed among the inputs too."""
    initializers = {tensor.name for tensor in model.graph.initializer}
    return tuple(value.name for value in model.graph.input if value.name not in initializers)


def _differences(kind: str, found: Sequence[str], declared: Sequence[str]) -> list[str]:
    missing, surplus = sorted(set(declared) - set(found)), sorted(set(found) - set(declared))
    sentences = [f"the graph has no {kind} {name}" for name in missing]
    return sentences + [f"the graph has an {kind} {name} that nobody declared" for name in surplus]


def _operator(node: onnx.NodeProto) -> str:
    return str(node.op_type) if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}"


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
