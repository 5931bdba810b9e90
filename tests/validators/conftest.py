from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper


def classifier(weights, *, extra_initializers=(), extra_nodes=()):
    """One MatMul from (texts, features) `x` to `logits`, with further nodes and initializers if asked for."""
    features, classes = weights.shape
    kind = helper.np_dtype_to_tensor_dtype(weights.dtype)
    domains = {"": 17, **{node.domain: 1 for node in extra_nodes if node.domain}}
    return helper.make_model(
        helper.make_graph(
            [helper.make_node("MatMul", ["x", "weights"], ["logits"]), *extra_nodes],
            "classifier",
            [helper.make_tensor_value_info("x", kind, ["texts", features])],
            [helper.make_tensor_value_info("logits", kind, ["texts", classes])],
            [numpy_helper.from_array(weights, "weights"), *extra_initializers],
        ),
        opset_imports=[helper.make_opsetid(domain, version) for domain, version in domains.items()],
        ir_version=8,
    )


@pytest.fixture
def make_classifier(tmp_path):
    """Write a small ONNX classifier and return its path."""

    def make(weights=None, name="model.onnx", **parts):
        path = tmp_path / name
        onnx.save(classifier(np.eye(4, 3, dtype=np.float32) if weights is None else weights, **parts), path)
        return path

    return make
