from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch

from mctl.exporters import OnnxClassifier, export_fp32, open_session, to_fp16
from mctl.exporters.emulation import write_rounded
from mctl.exporters.precision import nodes

NAMES = ("input_ids", "attention_mask", "token_type_ids")


def opened(path) -> OnnxClassifier:
    return OnnxClassifier(open_session(path, threads=1))


@pytest.fixture(scope="module", params=["plain", "attention", "fused"])
def half(request, make_classifier, tmp_path_factory):
    folder, model = tmp_path_factory.mktemp("half"), make_classifier(heads=(3, 1), rows=(200, 33))
    export_fp32(model, folder / "full.onnx", input_names=NAMES, form=request.param)
    to_fp16(folder / "full.onnx", folder / "half.onnx")
    write_rounded(folder / "half.onnx", folder / "rounded.onnx")
    return folder


def test_rounding_shows_and_is_small(half, make_batch):
    inputs = make_batch(64, 20)
    full, rounded, lazy = (opened(half / f"{name}.onnx")(inputs) for name in ("full", "rounded", "half"))
    assert 1e-5 < np.abs(rounded - full).max() < 0.02
    assert np.abs(rounded - full).mean() > np.abs(lazy - full).mean()


def test_logits_are_numbers_that_fp16_holds(half, make_batch):
    logits = opened(half / "rounded.onnx")(make_batch(8, 12))
    np.testing.assert_array_equal(logits, logits.astype(np.float16).astype(np.float32))


def test_no_weight_is_fp16_and_none_changes(half):
    narrow, wide = (onnx.load(half / f"{name}.onnx").graph.initializer for name in ("half", "rounded"))
    for before, after in zip(narrow, wide, strict=True):
        assert after.name == before.name
        assert after.data_type != onnx.TensorProto.FLOAT16
        np.testing.assert_array_equal(onnx.numpy_helper.to_array(after), onnx.numpy_helper.to_array(before))


def test_it_is_pytorch_in_fp16_as_near_as_rounding_allows(make_classifier, make_batch, tmp_path):
    """PyTorch's fp16 kernels for CPUs round where a GPU's do, so both are as far from fp32, and near to each other."""
    model = make_classifier()
    export_fp32(model, tmp_path / "full.onnx", input_names=NAMES)
    to_fp16(tmp_path / "full.onnx", tmp_path / "half.onnx")
    write_rounded(tmp_path / "half.onnx", tmp_path / "rounded.onnx")
    inputs = make_batch(64, 20)
    with torch.no_grad():
        tensors = {name: torch.from_numpy(values) for name, values in inputs.items()}
        torch_half = model.half()(**tensors).logits.float().numpy()
    exact = opened(tmp_path / "full.onnx")(inputs)
    rounded = opened(tmp_path / "rounded.onnx")(inputs)
    assert 0.3 < np.abs(rounded - exact).mean() / np.abs(torch_half - exact).mean() < 3


def test_an_overflow_within_an_attention_node_shows(make_classifier, make_batch, tmp_path):
    """A node that does its own projections hands on no query, key or value; a GPU stores them in fp16 all the same."""
    model = make_classifier()
    attention = model.bert.encoder.layer[1].attention
    query = attention.self.query
    scale = 3e4 / query.weight.data[3].abs().max()  # no weight itself is too large
    query.weight.data[3] *= scale  # scores and results stay what they are: only the query overflows
    query.bias.data[3] *= scale
    attention.self.key.weight.data[3] /= scale
    attention.self.key.bias.data[3] /= scale
    full, half, rounded = (tmp_path / f"{name}.onnx" for name in ("full", "half", "rounded"))
    assert export_fp32(model, full, input_names=NAMES, form="fused").fusions["Attention"] == 2
    assert to_fp16(full, half).weights_clipped == 0
    write_rounded(half, rounded)
    inputs = make_batch(32, 16)
    assert np.isfinite(opened(full)(inputs)).all()
    assert not np.isfinite(opened(rounded)(inputs)).all()


def test_an_island_of_fp32_is_not_rounded_within(make_classifier, make_batch, tmp_path):
    """Two neighbours that stay in fp32 hand on what fp16 could not hold, in either form."""
    model = make_classifier()
    model.bert.encoder.layer[1].intermediate.dense.bias.data[3] = 6e4
    model.bert.encoder.layer[1].intermediate.dense.weight.data[3] *= 1e5
    model.bert.encoder.layer[1].output.dense.weight.data[:, 3] *= 1e-5
    inputs = make_batch(32, 16)
    for form in ("plain", "fused"):
        full, target, rounded = (tmp_path / f"{form}-{name}.onnx" for name in ("full", "half", "rounded"))
        export_fp32(model, full, input_names=NAMES, form=form)
        to_fp16(full, target)
        write_rounded(target, rounded)
        assert not np.isfinite(opened(rounded)(inputs)).all()
        island = [name for name in nodes(full) if "layer.1.intermediate" in name or "layer.1.output" in name]
        report = to_fp16(full, target, keep_fp32={*island, *gelus(full)})
        assert sum(report.nodes_kept_fp32.values()) >= len(island)
        write_rounded(target, rounded)
        np.testing.assert_allclose(opened(rounded)(inputs), opened(full)(inputs), atol=0.5)


def gelus(path) -> list[str]:
    return [node.name for node in onnx.load(path).graph.node if "Gelu" in node.op_type]
