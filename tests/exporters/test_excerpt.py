from __future__ import annotations

import numpy as np
import onnx
import pytest

from mctl.exporters import ExportError, OnnxClassifier, export_fp32, open_session, to_int8
from mctl.exporters.excerpt import write_excerpt

NAMES = ("input_ids", "attention_mask", "token_type_ids")


@pytest.mark.parametrize("form", ["plain", "attention", "fused"])
def test_logits_are_the_same_bit_for_bit(form, make_classifier, make_batch, tmp_path):
    source, target = tmp_path / "model.onnx", tmp_path / "excerpt.onnx"
    export_fp32(make_classifier(), source, input_names=NAMES, form=form)
    inputs = make_batch(8, 12)
    kept = write_excerpt(source, target, inputs["input_ids"].ravel())
    assert len(kept) <= 8 * 12 + 2
    assert target.stat().st_size < 0.7 * source.stat().st_size
    renumbered = inputs | {"input_ids": np.searchsorted(kept, inputs["input_ids"])}
    full, small = (OnnxClassifier(open_session(path, threads=1)) for path in (source, target))
    np.testing.assert_array_equal(small(renumbered), full(inputs))
    onnx.shape_inference.infer_shapes(onnx.load(target), strict_mode=True)


def test_the_table_is_quantized_as_it_would_be_whole(uniform, make_batch, tmp_path):
    inputs = make_batch(8, 12)
    kept = write_excerpt(uniform.path, tmp_path / "excerpt.onnx", inputs["input_ids"].ravel())
    to_int8(uniform.path, tmp_path / "full8.onnx")
    to_int8(tmp_path / "excerpt.onnx", tmp_path / "excerpt8.onnx")
    renumbered = inputs | {"input_ids": np.searchsorted(kept, inputs["input_ids"])}
    full, small = (OnnxClassifier(open_session(tmp_path / f"{name}8.onnx", threads=1)) for name in ("full", "excerpt"))
    np.testing.assert_array_equal(small(renumbered), full(inputs))


def test_a_table_that_something_else_reads_stays_whole(uniform, make_batch, tmp_path):
    model = onnx.load(uniform.path)
    table = next(node for node in model.graph.node if "input_ids" in node.input and node.op_type == "Gather").input[0]
    model.graph.node.append(onnx.helper.make_node("Identity", [table], ["tied"]))
    onnx.save(model, tmp_path / "tied.onnx")
    inputs = make_batch(4, 6)
    kept = write_excerpt(tmp_path / "tied.onnx", tmp_path / "excerpt.onnx", inputs["input_ids"].ravel())
    np.testing.assert_array_equal(kept, np.arange(inputs["input_ids"].max() + 1))


def test_a_token_beyond_the_table_is_refused(uniform, tmp_path):
    with pytest.raises(ExportError, match="no token 99999"):
        write_excerpt(uniform.path, tmp_path / "excerpt.onnx", [1, 99999])
    assert list(tmp_path.iterdir()) == []
