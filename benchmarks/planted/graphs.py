"""Graphs that were changed, with new hashes to match."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .fault import EXPORT, Fault, reseal

_FLOATS = {TensorProto.FLOAT, TensorProto.FLOAT16}


def faults() -> Iterator[Fault]:
    """Weights, classes, operators and fusions that are not those of the export."""
    graphs: dict[str, tuple[Callable[[onnx.ModelProto], None], tuple[str, ...]]] = {
        "NaN weight": (lambda model: _spoil(model, np.nan), ("not finite",)),
        "infinite weight": (lambda model: _spoil(model, np.inf), ("not finite",)),
        "a matrix of zeros": (_zero_matrix, ("label_agreement", "max_logit_diff")),
        "weights with noise of a tenth": (_noise, ("label_agreement", "max_logit_diff")),
        "positions that there are not": (_spoil_positions, ("does not run on the test texts",)),
        "one class never said": (_silence_class, ("label_agreement", "max_logit_diff")),
        "classes in another order": (_turn_classes, ("label_agreement",)),
        "unknown operator": (
            lambda model: setattr(model.graph.node[0], "op_type", "Nope"),
            ("Nope", "not a valid model"),
        ),
        "unknown opset": (lambda model: setattr(model.opset_import[0], "version", 999), ("opset",)),
        "output renamed": (_rename_output, ("scores",)),
        "input nobody declared": (_add_input, ("nobody declared",)),
        "attention nodes dropped": (_drop_attention, ("fusion", "not a valid model", "Attention")),
        "weights in a file above": (lambda model: _outside(model, "../../secret.bin"), ("outside its folder",)),
        "weights in /etc/passwd": (lambda model: _outside(model, "/etc/passwd"), ("outside its folder",)),
        "weights in a file that is gone": (lambda model: _outside(model, "gone.bin"), ("gone.bin",)),
    }
    for name, (damage, words) in graphs.items():
        yield Fault(
            f"resealed: graph with {name}",
            lambda copy, damage=damage: resealed_graph(copy / EXPORT, damage),
            words=words,
        )


def resealed_graph(export: Path, damage: Callable[[onnx.ModelProto], None]) -> None:
    """An export's graph is changed, and its manifest made to fit."""
    path = export / "model.onnx"
    model = onnx.load(path)
    damage(model)
    path.write_bytes(model.SerializeToString())
    reseal(export)


def _matrices(model: onnx.ModelProto) -> list[TensorProto]:
    """Of weights: positions are numbers too, and whole ones."""
    weights = (one for one in model.graph.initializer if len(one.dims) == 2 and one.data_type in _FLOATS)
    return sorted(weights, key=lambda one: -np.prod(one.dims))


def _change(tensor: TensorProto, change: Callable[[np.ndarray], np.ndarray]) -> None:
    values = numpy_helper.to_array(tensor)
    tensor.CopyFrom(numpy_helper.from_array(change(values.copy()).astype(values.dtype), tensor.name))


def _spoil(model: onnx.ModelProto, value: float) -> None:
    def change(values: np.ndarray) -> np.ndarray:
        values[0, 0] = value
        return values

    _change(_matrices(model)[0], change)


def _zero_matrix(model: onnx.ModelProto) -> None:
    _change(_matrices(model)[0], lambda values: values * 0)


def _spoil_positions(model: onnx.ModelProto) -> None:
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.INT64 and len(tensor.dims) == 2:
            _change(tensor, lambda values: values + 9000)


def _noise(model: onnx.ModelProto) -> None:
    random = np.random.default_rng(0)
    for tensor in _matrices(model):
        _change(tensor, lambda values: values + 0.1 * values.std() * random.normal(size=values.shape))


def _bias_of_classes(model: onnx.ModelProto) -> TensorProto:
    return next(one for one in model.graph.initializer if one.name.endswith("classifier.bias"))


def _silence_class(model: onnx.ModelProto) -> None:
    def change(values: np.ndarray) -> np.ndarray:
        values[2] -= 100
        return values

    _change(_bias_of_classes(model), change)


def _turn_classes(model: onnx.ModelProto) -> None:
    weight = next(one for one in model.graph.initializer if one.name.endswith("classifier.weight"))
    axis = list(weight.dims).index(_bias_of_classes(model).dims[0])
    _change(weight, lambda values: np.roll(values, 1, axis=axis))
    _change(_bias_of_classes(model), lambda values: np.roll(values, 1))


def _rename_output(model: onnx.ModelProto) -> None:
    model.graph.output[0].name = "scores"
    for node in model.graph.node:
        node.output[:] = ["scores" if name == "logits" else name for name in node.output]


def _add_input(model: onnx.ModelProto) -> None:
    model.graph.input.append(helper.make_tensor_value_info("more", TensorProto.INT64, [1]))


def _drop_attention(model: onnx.ModelProto) -> None:
    for node in [node for node in model.graph.node if node.op_type == "Attention"][:1]:
        replaced = helper.make_node("Identity", [node.input[0]], list(node.output), name=node.name)
        node.CopyFrom(replaced)


def _outside(model: onnx.ModelProto, location: str) -> None:
    tensor = _matrices(model)[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", location
