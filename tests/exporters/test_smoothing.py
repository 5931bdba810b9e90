from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from mctl.exporters import OnnxClassifier, export_fp32, open_session, to_int8
from mctl.exporters.ranges import channel_ranges
from mctl.exporters.smoothing import SMOOTHED_RATIO, write_smoothed

NAMES = ("input_ids", "attention_mask", "token_type_ids")
OUTLIER = 7


def opened(path) -> OnnxClassifier:
    return OnnxClassifier(open_session(path, threads=1))


@pytest.fixture(scope="module")
def outlier(make_classifier, tmp_path_factory):
    """A graph one of whose GELUs is fifty times as large in one channel as in the others."""
    model = make_classifier()
    model.bert.encoder.layer[1].intermediate.dense.weight.data[OUTLIER] *= 50
    path = tmp_path_factory.mktemp("outlier") / "model.onnx"
    export_fp32(model, path, input_names=NAMES)
    return path


def gelu_of(path, layer: int) -> str:
    nodes = {node.name: node for node in onnx.load(path).graph.node}
    return nodes[f"bert.encoder.layer.{layer}.output.dense/MatMul"].input[0]


def test_ranges_are_those_of_pytorch(make_classifier, uniform, make_batch):
    """Of every channel the largest |value|, here against a hook on the module."""
    batches = [make_batch(4, 9), make_batch(3, 17)]
    ranges = channel_ranges(uniform.path, batches)
    model, seen = make_classifier(), []
    dense = model.bert.encoder.layer[0].output.dense
    dense.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].abs().flatten(0, 1).amax(0)))
    with torch.no_grad():
        for batch in batches:
            model(**{name: torch.from_numpy(values) for name, values in batch.items()})
    expected = torch.stack(seen).amax(0).numpy()
    np.testing.assert_allclose(ranges[gelu_of(uniform.path, 0)].largest, expected, rtol=1e-4, atol=1e-5)
    # A layer: queries, keys and values have one input, and three more matrices one each; then pooler and classifier.
    assert len(ranges) == 2 * 4 + 2


def test_only_activations_with_outliers_are_touched(outlier, make_batch, tmp_path):
    ranges = channel_ranges(outlier, [make_batch(16, 16)])
    channels = ranges[gelu_of(outlier, 1)].largest
    assert channels.argmax() == OUTLIER and channels.max() > SMOOTHED_RATIO * np.median(channels)
    added = write_smoothed(outlier, tmp_path / "smooth.onnx", ranges)
    assert added == (f"{gelu_of(outlier, 1)}/smooth",)
    before, after = onnx.load(outlier).graph, onnx.load(tmp_path / "smooth.onnx").graph
    changed = [
        tensor.name
        for tensor, old in zip(after.initializer, before.initializer, strict=False)
        if not np.array_equal(numpy_helper.to_array(tensor), numpy_helper.to_array(old))
    ]
    assert len(changed) == 1


def test_logits_stay_and_int8_loses_less(outlier, make_batch, tmp_path):
    inputs = make_batch(256, 16)
    write_smoothed(outlier, tmp_path / "smooth.onnx", channel_ranges(outlier, [make_batch(16, 16, seed=1)]))
    expected = opened(outlier)(inputs)
    np.testing.assert_allclose(opened(tmp_path / "smooth.onnx")(inputs), expected, rtol=1e-3, atol=1e-4)
    to_int8(outlier, tmp_path / "rough8.onnx")
    to_int8(tmp_path / "smooth.onnx", tmp_path / "smooth8.onnx")
    rough, smooth = (
        np.abs(opened(tmp_path / f"{name}8.onnx")(inputs) - expected).mean() for name in ("rough", "smooth")
    )
    assert smooth < 0.8 * rough


def test_a_matrix_that_two_activations_meet_is_left_alone(outlier, make_batch, tmp_path):
    """Its rows cannot follow two sets of factors."""
    model = onnx.load(outlier)
    first, second = (
        next(node for node in model.graph.node if node.name == f"bert.encoder.layer.{layer}.output.dense/MatMul")
        for layer in (0, 1)
    )
    first.input[1] = second.input[1]
    onnx.save(model, tmp_path / "tied.onnx")
    ranges = channel_ranges(outlier, [make_batch(16, 16)])
    assert write_smoothed(tmp_path / "tied.onnx", tmp_path / "smooth.onnx", ranges) == ()
