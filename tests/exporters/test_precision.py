from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from mctl.exporters import ExportError, OnnxClassifier, PrecisionReport, open_session, to_fp16

MASK_IN_FP16 = -(2.0**15)


@dataclass(frozen=True)
class Pair:
    """The same classifier in both precisions."""

    source: Path
    target: Path
    report: PrecisionReport
    full: OnnxClassifier
    half: OnnxClassifier


@pytest.fixture(scope="module", params=["uniform", "non_uniform"])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    source = request.getfixturevalue(request.param).path
    target = tmp_path_factory.mktemp("half") / "model.onnx"
    report = to_fp16(source, target)
    full, half = (OnnxClassifier(open_session(path, threads=1)) for path in (source, target))
    return Pair(source, target, report, full, half)


def agreement(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.mean(first.argmax(axis=1) == second.argmax(axis=1)))


def planted(source: Path, target: Path, values: dict[int, float]) -> Path:
    """The model at `source` with some elements of its largest weight replaced."""
    model = onnx.load(source)
    largest = max(model.graph.initializer, key=lambda tensor: len(tensor.raw_data))
    weight = numpy_helper.to_array(largest).copy()
    for position, value in values.items():
        weight.flat[position] = value
    largest.CopyFrom(numpy_helper.from_array(weight, largest.name))
    onnx.save(model, target)
    return target


def test_labels_agree(pair, make_batch):
    inputs = make_batch(1000, 16)
    full, half = pair.full(inputs), pair.half(inputs)
    assert len(np.unique(full.argmax(axis=1))) > 2
    assert agreement(full, half) >= 0.995
    assert 0 < np.abs(full - half).max() < 0.01


def test_labels_agree_on_texts_that_are_nearly_all_padding(pair, make_batch):
    inputs = make_batch(32, 200, longest=3)
    full, half = pair.full(inputs), pair.half(inputs)
    assert np.isfinite(half).all()
    assert agreement(full, half) >= 0.995
    np.testing.assert_allclose(half, full, atol=0.01)


def test_text_of_nothing_but_padding_gives_finite_logits(pair, make_batch):
    inputs = make_batch(4, 64)
    inputs["attention_mask"][:] = 0
    assert np.isfinite(pair.half(inputs)).all()


def test_file_is_about_half_as_large(pair):
    ratio = pair.target.stat().st_size / pair.source.stat().st_size
    # What does not shrink are the names and nodes: two to three hundredths of so small a file.
    assert ratio <= 0.52
    assert pair.report.size_ratio == ratio
    assert pair.report.source_bytes == pair.source.stat().st_size
    assert pair.report.files == (pair.target,)


def test_inputs_stay_int64_and_logits_float32(pair):
    inputs, outputs = pair.half.session.get_inputs(), pair.half.session.get_outputs()
    assert [(node.name, node.type) for node in inputs] == [
        (node.name, node.type) for node in pair.full.session.get_inputs()
    ]
    assert [(node.name, node.type, node.shape) for node in outputs] == [("logits", "tensor(float)", ["batch", 5])]


def test_report_counts_what_is_in_the_file(pair):
    graph = onnx.load(pair.target).graph
    sizes = {TensorProto.FLOAT16: 0, TensorProto.INT64: 0, TensorProto.BOOL: 0}
    for tensor in graph.initializer:
        sizes[tensor.data_type] += numpy_helper.to_array(tensor).nbytes
    assert pair.report.fp16_initializer_share == pytest.approx(sizes[TensorProto.FLOAT16] / sum(sizes.values()))
    assert pair.report.fp16_initializer_share > 0.98
    assert pair.report.fp16_weight_share == 1.0
    assert pair.report.nodes_kept_fp32 == {}
    assert (pair.report.weights_clipped, pair.report.constants_clipped) == (0, 1)
    halves = [numpy_helper.to_array(tensor) for tensor in graph.initializer if tensor.data_type == TensorProto.FLOAT16]
    assert [value.item() for value in halves if value.size == 1 and value < -1000] == [MASK_IN_FP16]
    onnx.checker.check_model(pair.target, full_check=True)


def test_kept_operators_compute_in_float32(uniform, make_batch, tmp_path):
    report = to_fp16(uniform.path, tmp_path / "kept.onnx", keep_fp32_ops=["LayerNormalization", "Softmax"])
    layers = uniform.model.config.num_hidden_layers
    assert report.nodes_kept_fp32 == {"LayerNormalization": 2 * layers + 1, "Softmax": layers}
    onnx.checker.check_model(tmp_path / "kept.onnx", full_check=True)
    inputs = make_batch(200, 16)
    kept = OnnxClassifier(open_session(tmp_path / "kept.onnx"))(inputs)
    np.testing.assert_allclose(kept, uniform.classifier(inputs), atol=0.01)


def test_weights_out_of_range_are_counted(uniform, tmp_path):
    values = {0: 1e6, 1: -4e4, 2: 32768.0, 3: 1e-9, 4: -1e-10, 5: 0.0, 6: 1e-7, 7: np.inf}
    source = planted(uniform.path, tmp_path / "planted.onnx", values)
    plain = to_fp16(uniform.path, tmp_path / "plain_half.onnx")
    report = to_fp16(source, tmp_path / "half.onnx")
    assert report.weights_clipped - plain.weights_clipped == 2
    assert report.weights_raised - plain.weights_raised == 2
    assert report.constants_clipped == plain.constants_clipped


def test_external_data_is_counted_and_written(uniform, make_batch, tmp_path):
    source, target = tmp_path / "full.onnx", tmp_path / "half.onnx"
    model = onnx.load(uniform.path)
    onnx.save(model, source, save_as_external_data=True, location="full.bin", size_threshold=0)
    report = to_fp16(source, target, single_file_limit_bytes=1000)
    assert report.source_bytes == source.stat().st_size + (tmp_path / "full.bin").stat().st_size
    assert report.files == (target, tmp_path / "half.onnx.data")
    assert report.target_bytes == sum(file.stat().st_size for file in report.files)
    inputs = make_batch(8, 12)
    half = OnnxClassifier(open_session(target))(inputs)
    np.testing.assert_allclose(half, uniform.classifier(inputs), atol=0.01)


def test_fp16_file_is_not_converted_again(pair, tmp_path):
    with pytest.raises(ExportError, match="no float32 weights"):
        to_fp16(pair.target, tmp_path / "again.onnx")
    assert list(tmp_path.iterdir()) == []


def test_source_is_never_overwritten(uniform):
    before = uniform.path.read_bytes()
    with pytest.raises(ExportError, match="would overwrite"):
        to_fp16(uniform.path, uniform.path.parent / ".." / uniform.path.parent.name / uniform.path.name)
    assert uniform.path.read_bytes() == before


def test_cut_source_is_one_sentence(uniform, tmp_path):
    source = tmp_path / "cut.onnx"
    source.write_bytes(uniform.path.read_bytes()[:5000])
    with pytest.raises(ExportError, match="not a whole ONNX file"):
        to_fp16(source, tmp_path / "half.onnx")
