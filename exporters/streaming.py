"""ONNX files written tensor by tensor, so that weights are in memory once.

protobuf knows only whole messages: to serialise a model is to copy its weights, to make one from a graph is to copy
them before that, and onnx's checker reads the file back. Here a model comes as its graph without large weights and the
weights by name, and goes out as the same bytes that protobuf would write for the whole, up to the order of fields,
which protobuf leaves free.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import BinaryIO, Protocol

import onnx
import onnx_ir as ir
from onnx.helper import make_tensor_value_info, tensor_dtype_to_np_dtype

from .errors import ExportError

_LARGE_BYTES = 1024
_ALIGNMENT = 4096  # onnxruntime maps external tensors that begin at a page
_PLACEHOLDER = "weights"
_LENGTH_DELIMITED = 2  # protobuf's wire type for messages and bytes


class Weight(Protocol):
    """What a tensor needs, to be written."""

    @property
    def nbytes(self) -> int:
        """Length of `tobytes`."""

    def tobytes(self) -> bytes:
        """Its values, little-endian, rows first."""


Weights = Mapping[str, Weight]


def detach(graph: ir.Model) -> tuple[onnx.ModelProto, dict[str, Weight]]:
    """The graph with placeholders for its large weights, and these by name, still where PyTorch has them."""
    weights: dict[str, Weight] = {}
    for name, value in graph.graph.initializers.items():
        tensor = value.const_value
        if tensor is None or tensor.nbytes < _LARGE_BYTES:
            continue
        weights[name] = tensor
        value.const_value = ir.ExternalTensor(
            _PLACEHOLDER, 0, tensor.nbytes, tensor.dtype, shape=tensor.shape, name=name
        )
    return ir.to_proto(graph), weights


def checked(model: onnx.ModelProto, weights: Weights) -> None:
    """Hold the model against the ONNX specification, large weights each by itself.

    Raises:
        onnx.checker.ValidationError: it breaks it.
        ExportError: a weight is of another size than its shape says.
    """
    light = onnx.ModelProto()
    _copy(model, light, without="graph")
    _copy(model.graph, light.graph, without="initializer")
    inputs = {value.name for value in model.graph.input}
    for tensor in model.graph.initializer:
        if tensor.name in weights:
            _check_size(tensor, weights[tensor.name])
        elif tensor.ByteSize() < _LARGE_BYTES:
            light.graph.initializer.append(tensor)
            continue
        else:
            onnx.checker.check_tensor(tensor)
        if tensor.name not in inputs:
            light.graph.input.append(make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    onnx.checker.check_model(light)


def write_whole(model: onnx.ModelProto, weights: Weights, file: BinaryIO) -> None:
    """Everything in one file."""
    light, graph = onnx.ModelProto(), onnx.GraphProto()
    _copy(model, light, without="graph")
    _copy(model.graph, graph, without="initializer")
    tensors = model.graph.initializer
    sizes = [_size(tensor, weights.get(tensor.name)) for tensor in tensors]
    field = onnx.GraphProto.DESCRIPTOR.fields_by_name["initializer"].number
    heads = [_head(field, size) for size in sizes]
    file.write(light.SerializeToString())
    inner = graph.SerializeToString()
    total = len(inner) + sum(map(len, heads)) + sum(sizes)
    file.write(_head(onnx.ModelProto.DESCRIPTOR.fields_by_name["graph"].number, total))
    file.write(inner)
    for tensor, head in zip(tensors, heads, strict=True):
        file.write(head)
        file.writelines(_parts(tensor, weights.get(tensor.name)))


def write_apart(model: onnx.ModelProto, weights: Weights, file: BinaryIO, data: BinaryIO, location: str) -> None:
    """The graph in one file, large weights in another, which the first knows as `location`. Uses up the model."""
    for tensor in model.graph.initializer:
        weight = weights.get(tensor.name)
        if weight is None and tensor.ByteSize() < _LARGE_BYTES:
            continue
        values = weight.tobytes() if weight is not None else onnx.numpy_helper.to_array(tensor).tobytes()
        data.write(b"\0" * (-data.tell() % _ALIGNMENT))
        kept = onnx.TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims)
        kept.data_location = onnx.TensorProto.EXTERNAL
        for key, value in (("location", location), ("offset", data.tell()), ("length", len(values))):
            kept.external_data.add(key=key, value=str(value))
        data.write(values)
        tensor.CopyFrom(kept)
    file.write(model.SerializeToString())


def weight_bytes(model: onnx.ModelProto, weights: Weights) -> int:
    """Bytes of all initializers, without names and framing."""
    return sum(weights[t.name].nbytes if t.name in weights else _expected_bytes(t) for t in model.graph.initializer)


def _copy(source: onnx.ModelProto | onnx.GraphProto, target: onnx.ModelProto | onnx.GraphProto, without: str) -> None:
    """All fields of a message but one."""
    for field, value in source.ListFields():
        if field.name == without:
            continue
        if hasattr(value, "MergeFrom") and not hasattr(value, "DESCRIPTOR"):  # a repeated field
            getattr(target, field.name).MergeFrom(value)
        elif hasattr(value, "DESCRIPTOR"):
            getattr(target, field.name).CopyFrom(value)
        else:
            setattr(target, field.name, value)


def _expected_bytes(tensor: onnx.TensorProto) -> int:
    return int(math.prod(tensor.dims) * tensor_dtype_to_np_dtype(tensor.data_type).itemsize)


def _check_size(tensor: onnx.TensorProto, weight: Weight) -> None:
    expected = _expected_bytes(tensor)
    if weight.nbytes != expected:
        raise ExportError(f"{tensor.name} has {weight.nbytes} bytes where its shape {list(tensor.dims)} has {expected}")


def _bare(tensor: onnx.TensorProto) -> bytes:
    """A tensor without its values."""
    message = onnx.TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims).SerializeToString()
    return bytes(message)


def _raw_head(nbytes: int) -> bytes:
    return _head(onnx.TensorProto.DESCRIPTOR.fields_by_name["raw_data"].number, nbytes)


def _size(tensor: onnx.TensorProto, weight: Weight | None) -> int:
    """Bytes of a tensor's message."""
    if weight is None:
        return int(tensor.ByteSize())
    return len(_bare(tensor)) + len(_raw_head(weight.nbytes)) + weight.nbytes


def _parts(tensor: onnx.TensorProto, weight: Weight | None) -> Iterator[bytes]:
    """A tensor's message, a part at a time."""
    if weight is None:
        yield tensor.SerializeToString()
        return
    yield _bare(tensor)
    yield _raw_head(weight.nbytes)
    yield weight.tobytes()


def _head(field: int, length: int) -> bytes:
    """What precedes the bytes of a length-delimited field: its key and its length (protobuf, "Encoding")."""
    return _varint(field << 3 | _LENGTH_DELIMITED) + _varint(length)


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)
