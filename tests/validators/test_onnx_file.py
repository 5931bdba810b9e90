from __future__ import annotations

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from mctl.validators.integrity import check_onnx

INPUTS, OUTPUTS = ["x"], ["logits"]


def external(path, location, content=b""):
    """Make the model at `path` keep its weights in a file at `location`, relative to it."""
    model = onnx.load(path)
    tensor = model.graph.initializer[0]
    if content:
        (path.parent / location).write_bytes(content)
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    path.write_bytes(model.SerializeToString())
    return path


def test_sound_file(make_classifier):
    result = check_onnx(make_classifier(), INPUTS, OUTPUTS)
    assert result.problems == ()
    assert (result.opset, result.inputs, result.outputs) == (17, ("x",), ("logits",))
    assert (result.nodes_by_type, result.nodes) == ({"MatMul": 1}, 1)
    assert (result.initializer_bytes, result.fp16_share) == (48, 0.0)
    assert result.non_finite_initializers == ()


def test_fp16_share_is_of_bytes(make_classifier):
    half = np.ones((4, 3), np.float16)
    scale = numpy_helper.from_array(np.ones(2, np.float32), "scale")
    result = check_onnx(make_classifier(half, extra_initializers=[scale]), INPUTS, OUTPUTS)
    assert result.problems == ()
    assert (result.initializer_bytes, result.fp16_share) == (32, 0.75)


def test_ids_and_shapes_are_no_weights(make_classifier):
    """A small model: its int64 position ids are a fifth of all bytes, and every weight of it is fp16."""
    half = np.ones((4, 3), np.float16)
    positions = numpy_helper.from_array(np.arange(2), "positions")
    result = check_onnx(make_classifier(half, extra_initializers=[positions]), INPUTS, OUTPUTS)
    assert result.problems == ()
    assert (result.fp16_share, result.fp16_share_of_all) == (1.0, 0.6)


def test_nodes_of_other_domains_are_counted_under_their_domain(make_classifier):
    node = helper.make_node("FastGelu", ["logits"], ["unused"], domain="com.microsoft")
    result = check_onnx(make_classifier(extra_nodes=[node]), INPUTS, OUTPUTS)
    assert result.problems == ()
    assert result.nodes_by_type == {"MatMul": 1, "com.microsoft.FastGelu": 1}


@pytest.mark.parametrize("kind", [np.float32, np.float16, np.float64, ml_dtypes.bfloat16])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_named(make_classifier, kind, value):
    spoilt = np.zeros(5, kind)
    spoilt[3] = value
    path = make_classifier(extra_initializers=[numpy_helper.from_array(spoilt, "layer.7.bias")])
    assert check_onnx(path, INPUTS, OUTPUTS).non_finite_initializers == ("layer.7.bias",)


def test_single_infinity_is_a_mask_and_a_single_nan_is_not(make_classifier):
    mask = numpy_helper.from_array(np.array(-np.inf, np.float32), "mask")
    spoilt = numpy_helper.from_array(np.array(np.nan, np.float32), "spoilt")
    path = make_classifier(extra_initializers=[mask, spoilt])
    assert check_onnx(path, INPUTS, OUTPUTS).non_finite_initializers == ("spoilt",)


def test_inputs_and_outputs_other_than_declared_are_problems(make_classifier):
    result = check_onnx(make_classifier(), ["input_ids", "x"], ["scores"])
    assert result.problems == (
        "the graph has no input input_ids",
        "the graph has no output scores",
        "the graph has an output logits that nobody declared",
    )


def test_initializers_listed_as_inputs_need_no_declaration(make_classifier):
    path = make_classifier()
    model = onnx.load(path)
    model.graph.input.append(helper.make_tensor_value_info("weights", onnx.TensorProto.FLOAT, [4, 3]))
    onnx.save(model, path)
    assert check_onnx(path, INPUTS, OUTPUTS).problems == ()


def test_file_cut_short_anywhere_is_a_problem(make_classifier):
    path = make_classifier()
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        result = check_onnx(path, INPUTS, OUTPUTS)
        assert result.problems, length
        assert all("\n" not in sentence for sentence in result.problems)


@pytest.mark.parametrize("content", [None, b"", b"<html>not found</html>", bytes(64)])
def test_what_is_not_onnx_is_a_problem(tmp_path, content):
    path = tmp_path / "model.onnx"
    if content is not None:
        path.write_bytes(content)
    result = check_onnx(path, INPUTS, OUTPUTS)
    assert "model.onnx" in result.problems[0]
    assert (result.opset, result.nodes) == (None, 0)


def test_full_check_sees_shapes_that_cannot_be(make_classifier):
    wrong = numpy_helper.from_array(np.ones((7, 2), np.float32), "wrong")
    node = helper.make_node("MatMul", ["logits", "wrong"], ["unused"])
    result = check_onnx(make_classifier(extra_initializers=[wrong], extra_nodes=[node]), INPUTS, OUTPUTS)
    assert "is not a valid model" in result.problems[0]


def test_operator_that_does_not_exist_is_a_problem(make_classifier):
    node = helper.make_node("NoSuchOperator", ["logits"], ["unused"])
    assert "NoSuchOperator" in check_onnx(make_classifier(extra_nodes=[node]), INPUTS, OUTPUTS).problems[0]


def test_external_data_beside_the_file_is_read(make_classifier):
    weights = np.full((4, 3), np.nan, np.float32)
    path = external(make_classifier(), "model.onnx.data", weights.tobytes())
    result = check_onnx(path, INPUTS, OUTPUTS)
    assert result.problems == ()
    assert result.initializer_bytes == 48
    assert result.non_finite_initializers == ("weights",)


def test_external_data_behind_links_of_the_hubs_cache_is_read(make_classifier, tmp_path):
    weights = np.full((4, 3), np.nan, np.float32)
    made = external(make_classifier(weights), "model.onnx.data", weights.tobytes())
    repository = tmp_path / "models--me--mine"
    snapshot = repository / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (repository / "blobs").mkdir()
    for number, name in enumerate((made.name, "model.onnx.data")):
        (repository / "blobs" / str(number)).write_bytes((made.parent / name).read_bytes())
        (snapshot / name).symlink_to(f"../../blobs/{number}")
    result = check_onnx(snapshot / made.name, INPUTS, OUTPUTS)
    assert result.problems == ()
    assert len(result.non_finite_initializers) == 1, "the weights are those behind the link"
    (repository / "blobs" / "1").unlink()
    assert "model.onnx.data" in check_onnx(snapshot / made.name, INPUTS, OUTPUTS).problems[0]


def test_external_data_cut_short_is_a_problem(make_classifier):
    path = external(make_classifier(), "model.onnx.data", bytes(44))
    assert "weights of model.onnx cannot be read" in check_onnx(path, INPUTS, OUTPUTS).problems[0]


@pytest.mark.parametrize("location", ["../weights.data", "/etc/hostname", "link.data"])
def test_external_data_outside_the_folder_is_not_opened(make_classifier, tmp_path, location):
    path = make_classifier()
    folder = tmp_path / "model"
    folder.mkdir()
    path = path.rename(folder / "model.onnx")
    (tmp_path / "weights.data").write_bytes(bytes(48))
    (folder / "link.data").symlink_to("../weights.data")
    result = check_onnx(external(path, location), INPUTS, OUTPUTS)
    assert result.problems == (f"model.onnx keeps weights outside its folder, in {location}; they were not opened",)
    assert result.initializer_bytes == 0
