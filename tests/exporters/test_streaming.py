"""What is written tensor by tensor is what protobuf would have written."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from onnx import TensorProto, helper, numpy_helper

from mctl.exporters import ExportError
from mctl.exporters.files import read_model, write_model
from mctl.exporters.streaming import checked, detach, weight_bytes, write_whole

KINDS = st.sampled_from([np.float32, np.float16, np.int8, np.int64])
VALUES = KINDS.flatmap(lambda kind: arrays.arrays(kind, arrays.array_shapes(max_dims=2, max_side=40)))


def model_of(values: list[np.ndarray]) -> onnx.ModelProto:
    """One Identity a tensor."""
    tensors = [numpy_helper.from_array(value, f"w{index}") for index, value in enumerate(values)]
    nodes = [helper.make_node("Identity", [tensor.name], [f"o{tensor.name}"]) for tensor in tensors]
    outputs = [helper.make_tensor_value_info(f"o{t.name}", t.data_type, t.dims) for t in tensors]
    graph = helper.make_graph(nodes, "weights", [], outputs, tensors, doc_string="of a graph")
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10, producer_name="test")
    helper.set_model_props(made, {"key": "value"})
    return made


def written(model: onnx.ModelProto, weights=None) -> onnx.ModelProto:
    file = io.BytesIO()
    write_whole(model, weights or {}, file)
    return onnx.load_from_string(file.getvalue())


@given(values=st.lists(VALUES, max_size=6))
def test_a_whole_model_comes_back_as_it_was(values):
    model = model_of(values)
    checked(model, {})
    assert written(model) == model
    assert weight_bytes(model, {}) == sum(value.nbytes for value in values)


@given(values=st.lists(VALUES, max_size=6))
def test_a_graph_and_its_weights_come_back_as_one(values):
    model = model_of(values)
    graph, weights = detach(ir.from_proto(model))
    assert set(weights) == {f"w{index}" for index, value in enumerate(values) if value.nbytes >= 1024}
    assert len(graph.SerializeToString()) < 1200 * (len(values) + 1)
    checked(graph, weights)
    found = written(graph, weights)
    for tensor, value in zip(found.graph.initializer, values, strict=True):
        np.testing.assert_array_equal(numpy_helper.to_array(tensor), value)
    onnx.checker.check_model(found)


@pytest.mark.parametrize("limit", [0, 10**9])
def test_detached_weights_are_written_apart_and_inline(tmp_path, limit):
    values = [np.random.default_rng(0).standard_normal((70, 70)).astype(np.float32), np.arange(5)]
    graph, weights = detach(ir.from_proto(model_of(values)))
    files = write_model(graph, tmp_path / "m.onnx", weights=weights, single_file_limit_bytes=limit)
    assert len(files) == (1 if limit else 2)
    for tensor, value in zip(read_model(files[0]).graph.initializer, values, strict=True):
        np.testing.assert_array_equal(numpy_helper.to_array(tensor), value)


def test_a_weight_that_does_not_fit_its_shape_is_refused(tmp_path):
    graph, weights = detach(ir.from_proto(model_of([np.zeros((70, 70), np.float32)])))
    weights["w0"] = ir.tensor(np.zeros((70, 69), np.float32))
    with pytest.raises(ExportError, match="w0 has 19320 bytes where its shape"):
        write_model(graph, tmp_path / "m.onnx", weights=weights)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("spoil", ["length", "kind"])
def test_a_tensor_that_the_checker_refuses(spoil):
    model = model_of([np.zeros((70, 70), np.float32)])
    (tensor,) = model.graph.initializer
    if spoil == "length":
        tensor.raw_data = tensor.raw_data[:-4]
    else:
        tensor.data_type = TensorProto.UNDEFINED
    with pytest.raises(onnx.checker.ValidationError):
        checked(model, {})


CHILD = """
import sys, numpy as np, onnx, onnx_ir as ir, io
from pathlib import Path
from mctl.exporters.files import write_model
from mctl.exporters.streaming import detach
def peak(): return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1024
values = [ir.Value(name=f"w{i}", const_value=ir.tensor(np.full((1024, 2048), i, np.float32))) for i in range(25)]
nodes = [ir.Node("", "Identity", [value]) for value in values]
for value in values: value.shape, value.type = value.const_value.shape, ir.TensorType(value.const_value.dtype)
for node, value in zip(nodes, values):
    node.outputs[0].name, node.outputs[0].shape, node.outputs[0].type = f"o{value.name}", value.shape, value.type
graph = ir.Graph([], [n.outputs[0] for n in nodes], nodes=nodes, initializers=values, opset_imports={"": 18}, name="g")
proto, weights = detach(ir.Model(graph, ir_version=10))
before = peak()
write_model(proto, Path(sys.argv[1]), weights=weights)
print(peak() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_two_hundred_megabytes_take_the_memory_of_one_tensor(tmp_path):
    path = tmp_path / "m.onnx"
    ran = subprocess.run([sys.executable, "-P", "-c", CHILD, path], capture_output=True, text=True, check=True)
    assert path.stat().st_size > 200 * 2**20
    assert float(ran.stdout) < 40, "MB; one tensor is 8"
