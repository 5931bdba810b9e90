from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto
from processor import needs_exact_int8

from mctl.exporters import (
    ExportError,
    OnnxClassifier,
    QuantizationReport,
    nodes_with_weights,
    open_session,
    to_fp16,
    to_int8,
)


@dataclass(frozen=True)
class Pair:
    """The same classifier in both precisions."""

    source: Path
    target: Path
    report: QuantizationReport
    full: OnnxClassifier
    small: OnnxClassifier


@pytest.fixture(scope="module", params=["uniform", "non_uniform"])
def pair(request, tmp_path_factory):
    source = request.getfixturevalue(request.param).path
    target = tmp_path_factory.mktemp("int8") / "model.onnx"
    report = to_int8(source, target)
    full, small = (OnnxClassifier(open_session(path, threads=1)) for path in (source, target))
    return Pair(source, target, report, full, small)


def difference(first: OnnxClassifier, second: OnnxClassifier, inputs) -> float:
    return float(np.abs(first(inputs) - second(inputs)).mean())


@needs_exact_int8
def test_labels_agree_and_something_is_rounded(pair, make_batch):
    inputs = make_batch(1000, 16)
    full, small = pair.full(inputs), pair.small(inputs)
    assert len(np.unique(full.argmax(axis=1))) > 2
    assert np.mean(full.argmax(axis=1) == small.argmax(axis=1)) >= 0.98
    assert 1e-4 < np.abs(full - small).max() < 0.1 * np.ptp(full)


def test_file_is_a_quarter_as_large(pair):
    assert pair.report.source_bytes == pair.source.stat().st_size
    assert pair.report.target_bytes == pair.target.stat().st_size
    assert pair.report.size_ratio <= 0.3
    assert pair.report.int8_initializer_share >= 0.9


def test_report_names_what_is_in_the_file(pair):
    graph = onnx.load(pair.target).graph
    operators = [node.op_type for node in graph.node]
    layers = 2
    assert pair.report.quantized["MatMul"] == 6 * layers == operators.count("MatMulInteger") - 2
    assert pair.report.quantized["Gemm"] == 2  # pooler and classifier
    assert pair.report.kept_fp32 == ()
    floats = {tensor.name for tensor in graph.initializer if tensor.data_type == TensorProto.FLOAT}
    assert not any(floats & set(node.input[:2]) for node in graph.node if node.op_type in ("MatMul", "Gemm", "Gather"))
    assert operators.count("MatMul") == 2 * layers  # products of activations, within attention


def test_names_say_which_module(uniform):
    names = nodes_with_weights(uniform.path)
    assert "bert.encoder.layer.1.output.dense/MatMul" in names
    assert "bert.embeddings.word_embeddings/Gather" in names
    assert len(names) == len(set(names)) == 2 * 6 + 2 + 3


def test_kept_nodes_keep_their_weights_and_lower_the_error(uniform, make_batch, tmp_path):
    names, inputs = nodes_with_weights(uniform.path), make_batch(64, 16)
    kept = [name for name in names if "layer.0" in name or "word_embeddings" in name]
    some, none = tmp_path / "some.onnx", tmp_path / "none.onnx"
    report = to_int8(uniform.path, some, keep_fp32=kept)
    to_int8(uniform.path, none)
    assert report.kept_fp32 == tuple(kept)
    assert report.quantized == {"MatMul": 6, "Gemm": 2, "Gather": 2}
    smaller, larger = (OnnxClassifier(open_session(path, threads=1)) for path in (some, none))
    assert difference(uniform.classifier, smaller, inputs) < 0.8 * difference(uniform.classifier, larger, inputs)


def test_a_node_is_int8_if_and_only_if_it_is_not_kept(uniform, tmp_path):
    """One node by the other, the pooler and the classifier too, whose names the quantizer changes."""
    names, target = nodes_with_weights(uniform.path), tmp_path / "one.onnx"
    for name in names:
        report = to_int8(uniform.path, target, keep_fp32=[other for other in names if other != name])
        assert sum(report.quantized.values()) == 1
        matrices = [tensor for tensor in onnx.load(target).graph.initializer if len(tensor.dims) == 2]
        narrow = [tensor.name for tensor in matrices if tensor.data_type in (TensorProto.INT8, TensorProto.UINT8)]
        assert len(narrow) == 1, (name, narrow)


def test_external_data_is_read_and_written(uniform, make_batch, tmp_path):
    source, target = tmp_path / "full.onnx", tmp_path / "small.onnx"
    onnx.save(onnx.load(uniform.path), source, save_as_external_data=True, location="full.bin", size_threshold=0)
    report = to_int8(source, target, single_file_limit_bytes=1000)
    assert report.source_bytes == source.stat().st_size + (tmp_path / "full.bin").stat().st_size
    assert report.files == (target, tmp_path / "small.onnx.data")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "full.bin",
        "full.onnx",
        "small.onnx",
        "small.onnx.data",
    ]
    inputs = make_batch(8, 12)
    to_int8(uniform.path, tmp_path / "one.onnx")
    one, two = (OnnxClassifier(open_session(tmp_path / name)) for name in ("one.onnx", "small.onnx"))
    np.testing.assert_array_equal(one(inputs), two(inputs))


def test_what_has_no_fp32_weights_is_refused(pair, tmp_path):
    with pytest.raises(ExportError, match="no float32 weights"):
        to_int8(pair.target, tmp_path / "again.onnx")
    with pytest.raises(ExportError, match="no float32 weights"):
        to_int8(pair.source, tmp_path / "nothing.onnx", keep_fp32=nodes_with_weights(pair.source))
    to_fp16(pair.source, tmp_path / "half.onnx")
    with pytest.raises(ExportError, match="no float32 weights"):
        to_int8(tmp_path / "half.onnx", tmp_path / "again.onnx")


def test_unknown_node_is_named(uniform, tmp_path):
    with pytest.raises(ExportError, match=r"layer\.9\.output\.dense/MatMul"):
        to_int8(uniform.path, tmp_path / "small.onnx", keep_fp32=["layer.9.output.dense/MatMul"])
    with pytest.raises(ExportError, match=r"layer\.9\.output\.dense/MatMul"):
        to_fp16(uniform.path, tmp_path / "half.onnx", keep_fp32=["layer.9.output.dense/MatMul"])
    assert list(tmp_path.iterdir()) == []


def test_source_is_never_overwritten(uniform):
    before = uniform.path.read_bytes()
    with pytest.raises(ExportError, match="would overwrite"):
        to_int8(uniform.path, uniform.path)
    assert uniform.path.read_bytes() == before


def test_cut_source_is_one_sentence(uniform, tmp_path):
    source = tmp_path / "cut.onnx"
    source.write_bytes(uniform.path.read_bytes()[:5000])
    with pytest.raises(ExportError, match="not a whole ONNX file"):
        to_int8(source, tmp_path / "small.onnx")
