"""Exports that are worse than the last release."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from .fault import SOURCE, VALIDATE, Fault
from .graphs import resealed_graph
from .running import succeed

_LAST = "last"
# In fp32: idle weights in fp32 would be found as such in an fp16 export.
_EXPORT = f"{SOURCE}-fp32"
_JUDGED = ("validate", _EXPORT, *VALIDATE[2:])
_AGAINST = (*_JUDGED, "--against", f"{_LAST}/validation.json")
_ROUNDS = 300
_WIDTH = 4096


def faults() -> Iterator[Fault]:
    """Slower, and larger, than a release that was judged on the same machine a moment ago."""
    for name, share in (("20 % slower", 0.2), ("twice as slow", 1.0)):
        yield Fault(
            f"{name} than the last release",
            lambda copy, share=share: _slower(copy, share),
            _AGAINST,
            ("slowdown",),
            (1, 3),
        )
    yield Fault("half as large again as the last release", _larger, _AGAINST, ("growth",))


def _released(copy: Path) -> None:
    succeed(copy, "export", SOURCE, "--fp32", "--quiet")
    succeed(copy, *_JUDGED)
    shutil.copytree(copy / _EXPORT, copy / _LAST)


def _larger(copy: Path) -> None:
    _released(copy)
    values = (copy / _EXPORT / "model.onnx").stat().st_size // 8
    idle = numpy_helper.from_array(np.ones(values, np.float32), "idle.weight")
    resealed_graph(copy / _EXPORT, lambda model: model.graph.initializer.append(idle))


def _slower(copy: Path, share: float) -> None:
    """As many idle products as take `share` of a call's time: their width is found by timing."""
    _released(copy)
    path = copy / _EXPORT / "model.onnx"
    trial = onnx.load(path)
    _idle(trial, _WIDTH)
    plain, wide = _seconds(path.read_bytes(), trial.SerializeToString())
    width = max(int(_WIDTH * share * plain / max(wide - plain, 1e-9)), 1)
    resealed_graph(copy / _EXPORT, lambda model: _idle(model, width))


def _idle(model: onnx.ModelProto, width: int) -> None:
    """Two products with weights of zero, added to the logits: more work and the same answer."""
    graph, middle = model.graph, 256
    classes = graph.output[0].type.tensor_type.shape.dim[1].dim_value
    shapes = {"idle.in": (classes, middle), "idle.up": (middle, width), "idle.down": (width, classes)}
    for name, shape in shapes.items():
        graph.initializer.append(numpy_helper.from_array(np.zeros(shape, np.float32), name))
    for node in graph.node:
        node.output[:] = ["logits.before" if name == "logits" else name for name in node.output]
    values = ["logits.before", *(f"{name}.product" for name in shapes)]
    for start, name, end in zip(values, shapes, values[1:], strict=False):
        graph.node.append(helper.make_node("MatMul", [start, name], [end]))
    graph.node.append(helper.make_node("Add", ["logits.before", values[-1]], ["logits"]))


def _seconds(*graphs: bytes) -> list[float]:
    """Median seconds of a call of 8 texts of 16 tokens, the graphs in turn."""
    sessions = [onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"]) for graph in graphs]
    inputs: Mapping[str, np.ndarray] = {
        one.name: np.full((8, 16), 5 if one.name == "input_ids" else one.name == "attention_mask", np.int64)
        for one in sessions[0].get_inputs()
    }
    taken: list[list[float]] = [[] for _ in graphs]
    for _ in range(_ROUNDS):
        for session, times in zip(sessions, taken, strict=True):
            start = time.perf_counter()
            session.run(None, dict(inputs))
            times.append(time.perf_counter() - start)
    return [float(np.median(times)) for times in taken]
