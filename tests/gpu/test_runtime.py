"""Bound buffers and CUDA graphs against a plain session, and work that a GPU cannot do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from models import small_bert

from mctl.exporters import ExportError, OnnxClassifier, export_fp32, open_classifier, open_session, to_fp16, to_int8

NAMES = ("input_ids", "attention_mask")


def batch(texts: int, tokens: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng([texts, tokens])
    mask = np.arange(tokens) < random.integers(1, tokens + 1, size=(texts, 1))
    return {"input_ids": random.integers(5, 100, size=(texts, tokens)) * mask, "attention_mask": mask.astype(np.int64)}


@pytest.mark.gpu
@pytest.mark.parametrize("form", ["plain", "attention", "fused"])
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_as_on_the_cpu_at_every_shape_and_again(tmp_path: Path, form: str, precision: str) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no GPU at hand")
    path = tmp_path / "model.onnx"
    export_fp32(small_bert(), path, input_names=NAMES, form=form)  # type: ignore[arg-type]
    plain = OnnxClassifier(open_session(path))
    if precision == "fp16":
        to_fp16(path, tmp_path / "half.onnx")
        path = tmp_path / "half.onnx"
    bound = open_classifier(path, provider="cuda")
    for _ in range(3):
        for texts, tokens in [(1, 8), (3, 13), (4, 16), (1, 5)]:
            inputs = batch(texts, tokens)
            np.testing.assert_allclose(bound(inputs), plain(inputs), atol=2e-2 if precision == "fp16" else 1e-3, rtol=0)
    if form == "fused":
        assert bound.graphs


@pytest.mark.gpu
def test_integer_products_are_refused(tmp_path: Path) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no GPU at hand")
    export_fp32(small_bert(), tmp_path / "model.onnx", input_names=NAMES)
    to_int8(tmp_path / "model.onnx", tmp_path / "int8.onnx")
    with pytest.raises(ExportError, match="has no kernel for"):
        open_classifier(tmp_path / "int8.onnx", provider="cuda")
