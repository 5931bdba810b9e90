"""The oldest onnxruntime that a file needs; the versions were tried with files that mctl exports."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from mctl.exporters.runtime_version import onnxruntime_needed


def written(folder: Path, form: int, opset: int, *attention: onnx.NodeProto) -> Path:
    """A file whose graph computes nothing of interest."""
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch"])
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"]), *attention], "graph", [value], [])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=form)
    onnx.save(model, folder / "model.onnx")
    return folder / "model.onnx"


@pytest.mark.parametrize(
    ("form", "opset", "needed"),
    [(10, 20, "1.18"), (9, 20, "1.17"), (10, 23, "1.23"), (11, 20, "1.22"), (8, 17, "1.12"), (99, 20, "1.24")],
)
def test_the_format_and_the_operators_decide(tmp_path: Path, form: int, opset: int, needed: str) -> None:
    assert onnxruntime_needed(written(tmp_path, form, opset)) == needed


@pytest.mark.parametrize("name", ["Attention", "MultiHeadAttention"])
@pytest.mark.parametrize(("inputs", "needed"), [(6, "1.20"), (5, "1.18")])
def test_a_bias_that_heads_share_needs_more(tmp_path: Path, name: str, inputs: int, needed: str) -> None:
    node = helper.make_node(name, ["x"] * inputs, ["z"], domain="com.microsoft")
    assert onnxruntime_needed(written(tmp_path, 10, 20, node)) == needed
    own = helper.make_node(name, ["x"] * inputs, ["z"])
    assert onnxruntime_needed(written(tmp_path, 10, 20, own)) == "1.18"
