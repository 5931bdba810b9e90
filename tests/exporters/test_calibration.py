from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from processor import needs_exact_int8

from mctl.exporters import OnnxClassifier, export_fp32, nodes_with_weights, open_session, to_int8
from mctl.exporters.calibration import quantize_static
from mctl.exporters.ranges import Range, channel_ranges

NAMES = ("input_ids", "attention_mask", "token_type_ids")


def opened(path) -> OnnxClassifier:
    return OnnxClassifier(open_session(path, threads=1))


@pytest.fixture(scope="module", params=["uniform", "non_uniform"])
def pair(request, make_batch, tmp_path_factory):
    """fp32 file, its int8 file with fixed scales, and the report."""
    source = request.getfixturevalue(request.param).path
    target = tmp_path_factory.mktemp("static") / "model.onnx"
    report = to_int8(source, target, ranges=channel_ranges(source, [make_batch(256, 16, seed=1)]))
    return source, target, report


@needs_exact_int8
def test_labels_agree_and_something_is_rounded(pair, make_batch):
    source, target, _ = pair
    inputs = make_batch(1000, 16)
    full, small = opened(source)(inputs), opened(target)(inputs)
    assert np.mean(full.argmax(axis=1) == small.argmax(axis=1)) >= 0.97
    assert 1e-4 < np.abs(full - small).max() < 0.15 * np.ptp(full)


def test_a_text_has_the_same_logits_in_any_company(pair, make_batch):
    """Which dynamic quantization cannot promise: there the whole batch has one scale."""
    source, target, _ = pair
    dynamic = target.with_name("dynamic.onnx")
    to_int8(source, dynamic)
    inputs = make_batch(32, 16)
    alone = {name: values[:1] for name, values in inputs.items()}
    fixed, moving = opened(target), opened(dynamic)
    np.testing.assert_allclose(fixed(inputs)[:1], fixed(alone), atol=1e-6)
    assert np.abs(moving(inputs)[:1] - moving(alone)).max() > 1e-5


def test_every_product_has_a_fixed_scale_and_shares_it(pair):
    _, target, report = pair
    graph = onnx.load(target).graph
    operators = [node.op_type for node in graph.node]
    layers = 2
    assert report.calibrated == 6 * layers + 2 and report.quantized["MatMul"] == 6 * layers
    # A layer: queries, keys and values read one activation, three more products one each; then pooler and classifier.
    assert operators.count("QuantizeLinear") == 4 * layers + 2
    assert not {"DynamicQuantizeLinear", "MatMulInteger", "Gemm"} & set(operators)
    floats = {tensor.name for tensor in graph.initializer if tensor.data_type == TensorProto.FLOAT}
    assert not any(floats & set(node.input[:2]) for node in graph.node if node.op_type in ("MatMul", "Gather"))
    assert report.size_ratio <= 0.31 and report.int8_initializer_share >= 0.9


def test_kept_nodes_keep_their_weights(uniform, make_batch, tmp_path):
    source, inputs = uniform.path, make_batch(16, 16)
    ranges = channel_ranges(source, [inputs])
    everything = nodes_with_weights(source)
    errors = []
    for kept in ((), everything[:-1]):
        report = to_int8(source, tmp_path / "model.onnx", keep_fp32=kept, ranges=ranges)
        assert report.kept_fp32 == kept
        errors.append(float(np.abs(opened(tmp_path / "model.onnx")(inputs) - opened(source)(inputs)).mean()))
    assert errors[1] < errors[0]


def test_an_activation_of_unknown_range_stays_dynamic(uniform, make_batch, tmp_path):
    ranges = channel_ranges(uniform.path, [make_batch(4, 16)])
    ranges.pop(sorted(ranges)[0])
    report = to_int8(uniform.path, tmp_path / "model.onnx", ranges=ranges)
    operators = [node.op_type for node in onnx.load(tmp_path / "model.onnx").graph.node]
    assert 0 < report.calibrated < sum(report.quantized.values())
    assert "DynamicQuantizeLinear" in operators and "QuantizeLinear" in operators


def test_onnxruntime_multiplies_in_int8(pair, tmp_path):
    """Pairs of quantization that a session does not fuse would be slower than fp32."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "run.onnx")
    options.log_severity_level = 3
    ort.InferenceSession(pair[1], options, providers=["CPUExecutionProvider"])
    operators = [node.op_type for node in onnx.load(tmp_path / "run.onnx").graph.node]
    assert operators.count("MatMulIntegerToFloat") + operators.count("QLinearMatMul") == pair[2].calibrated


def product(matrix: np.ndarray, transposed: bool) -> onnx.ModelProto:
    """x W + b as a Gemm."""
    rows, columns = matrix.shape
    node = helper.make_node("Gemm", ["x", "w", "b"], ["y"], name="gemm", transB=int(transposed))
    graph = helper.make_graph(
        [node],
        "product",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", rows])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", columns])],
        [
            numpy_helper.from_array(matrix.T.copy() if transposed else matrix, "w"),
            numpy_helper.from_array(np.linspace(-1, 1, columns, dtype=np.float32), "b"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(1, 40),
    columns=st.integers(1, 20),
    transposed=st.booleans(),
    offset=st.floats(-3, 3),
)
def test_the_error_is_at_most_what_rounding_explains(seed, rows, columns, transposed, offset):
    """Half a step of each factor times the other factor, summed over the rows; values outside the sample are cut."""
    generator = np.random.default_rng(seed)
    matrix = generator.normal(size=(rows, columns)).astype(np.float32)
    x = (generator.normal(size=(7, rows)) + offset).astype(np.float32)
    model = product(matrix, transposed)
    quantize_static(model, {"x": Range(x.min(axis=0), x.max(axis=0))}, kept=())
    onnx.checker.check_model(model, full_check=True)
    (found,) = open_session_of(model).run(None, {"x": x})
    expected = x @ matrix + np.linspace(-1, 1, columns, dtype=np.float32)
    step = (max(0.0, x.max()) - min(0.0, x.min())) / 255
    weight_step = np.abs(matrix).max(axis=0) / 127
    bound = (np.abs(matrix) * step).sum(0) + ((np.abs(x).max() + step) * 0.5 * weight_step * rows)
    assert np.all(np.abs(found - expected) <= 1.01 * bound + 1e-4)


def open_session_of(model: onnx.ModelProto):
    import onnxruntime as ort

    return ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


def test_what_lies_beyond_the_sample_is_cut_off():
    model = product(np.ones((1, 1), np.float32), transposed=False)
    quantize_static(model, {"x": Range(np.zeros(1, np.float32), np.ones(1, np.float32))}, kept=())
    (found,) = open_session_of(model).run(None, {"x": np.array([[0.5], [1.0], [9.0], [-9.0]], np.float32)})
    np.testing.assert_allclose(found.ravel() + 1, [0.5, 1.0, 1.0, 0.0], atol=5e-3)


def test_a_product_that_is_more_than_x_times_w_is_left_alone(tmp_path):
    model = product(np.ones((2, 2), np.float32), transposed=False)
    model.graph.node[0].attribute.append(helper.make_attribute("alpha", 2.0))
    quantize_static(model, {"x": Range(np.zeros(2, np.float32), np.ones(2, np.float32))}, kept=())
    assert [node.op_type for node in model.graph.node] == ["Gemm"]


def test_a_file_beyond_the_limit_has_its_weights_apart(uniform, make_batch, tmp_path):
    ranges = channel_ranges(uniform.path, [make_batch(4, 16)])
    inputs = make_batch(4, 16)
    to_int8(uniform.path, tmp_path / "one.onnx", ranges=ranges)
    apart = tmp_path / "two.onnx"
    report = to_int8(uniform.path, apart, ranges=ranges, single_file_limit_bytes=1)
    assert [file.name for file in report.files] == ["two.onnx", "two.onnx.data"]
    np.testing.assert_array_equal(opened(apart)(inputs), opened(tmp_path / "one.onnx")(inputs))


def test_ranges_follow_the_layout(make_classifier, make_batch, tmp_path):
    """A weight matrix that is all zeros, as after masking, has a scale too."""
    model = make_classifier()
    model.bert.encoder.layer[0].output.dense.weight.data.zero_()
    source, inputs = tmp_path / "model.onnx", make_batch(4, 16)
    export_fp32(model, source, input_names=NAMES)
    to_int8(source, tmp_path / "int8.onnx", ranges=channel_ranges(source, [inputs]))
    assert np.isfinite(opened(tmp_path / "int8.onnx")(inputs)).all()
