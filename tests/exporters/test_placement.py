"""Which nodes run elsewhere. A session on the CPU, asked for a GPU's, has all of them elsewhere."""

from __future__ import annotations

import pytest

from mctl.exporters import ExportError, open_session, to_int8
from mctl.exporters.placement import WORK, listed, work_elsewhere
from mctl.exporters.session import check_placement

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


def test_a_session_where_it_was_asked_for_has_nothing_elsewhere(exported):
    session = open_session(exported.path)
    assert work_elsewhere(session, CPU) == {}
    check_placement(session, CPU)


def test_work_elsewhere_is_named_and_shape_arithmetic_is_not(uniform):
    session = open_session(uniform.path)
    found = work_elsewhere(session, CUDA)
    layers = 2
    assert len(found["LayerNormalization"]) == 1 + 2 * layers
    assert set(found) <= WORK
    assert not {"Shape", "Concat", "Reshape"} & set(found)
    with pytest.raises(ExportError, match=r"no kernel for .*\d+ (Fused)?MatMul \(.*another provider"):
        check_placement(session, CUDA)


def test_integer_products_count_as_work(uniform, tmp_path):
    to_int8(uniform.path, tmp_path / "int8.onnx")
    found = work_elsewhere(open_session(tmp_path / "int8.onnx"), CUDA)
    assert {"DynamicQuantizeLinear", "DynamicQuantizeMatMul", "MatMulIntegerToFloat"} & set(found)


def test_a_long_list_is_cut():
    assert listed({"MatMul": ("a", "b", "c", "d"), "Tanh": ("e",)}) == "4 MatMul (a, b, c, ...), 1 Tanh (e)"
