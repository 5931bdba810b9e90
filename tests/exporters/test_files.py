from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mctl.exporters import ExportError
from mctl.exporters.files import model_files, read_model, total_bytes, write_model

WEIGHT = np.arange(600, dtype=np.float32).reshape(20, 30)


def add_model(weight: np.ndarray = WEIGHT) -> onnx.ModelProto:
    """x + weight, with weights of 2400 bytes."""
    node = helper.make_node("Add", ["x", "weight"], ["y"])
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [20, 30]) for name in "xy")
    graph = helper.make_graph([node], "add", [x], [y], [numpy_helper.from_array(weight, "weight")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def weight_of(model: onnx.ModelProto) -> np.ndarray:
    return numpy_helper.to_array(model.graph.initializer[0])


@pytest.mark.parametrize(("limit_bytes", "names"), [(2400, ["m.onnx"]), (2399, ["m.onnx", "m.onnx.data"])])
def test_what_is_written_is_read_back(tmp_path, limit_bytes, names):
    path = tmp_path / "deep" / "er" / "m.onnx"
    files = write_model(add_model(), path, single_file_limit_bytes=limit_bytes)
    assert [file.name for file in files] == names
    assert sorted(path.parent.iterdir()) == sorted(files)
    assert {file.stat().st_mode for file in files} == {path.stat().st_mode}
    np.testing.assert_array_equal(weight_of(read_model(path)), WEIGHT)
    assert model_files(path, read_model(path, weights=False)) == files
    assert total_bytes(files) > 2400


def test_weights_that_fit_again_leave_no_old_data_file(tmp_path):
    write_model(add_model(), tmp_path / "m.onnx", single_file_limit_bytes=0)
    write_model(add_model(WEIGHT + 1), tmp_path / "m.onnx")
    assert list(tmp_path.iterdir()) == [tmp_path / "m.onnx"]
    np.testing.assert_array_equal(weight_of(read_model(tmp_path / "m.onnx")), WEIGHT + 1)


def test_broken_model_replaces_nothing(tmp_path):
    path = tmp_path / "m.onnx"
    write_model(add_model(), path)
    before = path.read_bytes()
    broken = add_model()
    broken.graph.node[0].input[1] = "nowhere"
    with pytest.raises(ExportError, match="breaks the ONNX specification"):
        write_model(broken, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", [None, b"", b"no protobuf at all" * 50, "cut"])
def test_unreadable_file_is_one_sentence(tmp_path, content):
    path = tmp_path / "m.onnx"
    if content == "cut":
        write_model(add_model(), path)
        path.write_bytes(path.read_bytes()[:1200])
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(ExportError, match=r"m\.onnx") as caught:
        read_model(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("harm", ["missing", "cut", "outside"])
def test_unusable_external_data_is_refused(tmp_path, harm):
    path, data = write_model(add_model(), tmp_path / "folder" / "m.onnx", single_file_limit_bytes=0)
    if harm == "missing":
        data.unlink()
    elif harm == "cut":
        data.write_bytes(data.read_bytes()[:100])
    else:
        data.rename(tmp_path / "m.onnx.data")
        model = read_model(path, weights=False)
        for entry in model.graph.initializer[0].external_data:
            if entry.key == "location":
                entry.value = "../m.onnx.data"
        path.write_bytes(model.SerializeToString())
    with pytest.raises(ExportError, match="external data"):
        read_model(path)
