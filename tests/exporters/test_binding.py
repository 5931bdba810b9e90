"""Bound buffers give what a plain session gives. On a CPU the same code runs, without graphs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mctl.exporters import ExportError, export_fp32, open_session, to_fp16
from mctl.exporters.binding import BoundClassifier, Buckets

sizes = st.integers(1, 9), st.integers(1, 40)


def bound(path, **options) -> BoundClassifier:
    return BoundClassifier(open_session(path, threads=1), device="cpu", **options)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(shapes=st.lists(st.tuples(*sizes), min_size=1, max_size=6), powers=st.booleans(), most=st.integers(1, 3))
def test_as_a_plain_session_whatever_was_called_before(exported, make_batch, shapes, powers, most):
    plain, other = exported.classifier, bound(exported.path, buckets=Buckets(powers=powers), most=most)
    for seed, (batch, length) in enumerate(shapes):
        inputs = make_batch(batch, length, seed=seed)
        np.testing.assert_allclose(other(inputs), plain(inputs), atol=2e-5, rtol=0)
    assert len(other._bound) <= most


def test_a_result_is_not_overwritten_by_the_next_call(uniform, make_batch):
    classifier = bound(uniform.path)
    first = classifier(make_batch(2, 8, seed=1))
    kept = first.copy()
    assert not np.array_equal(classifier(make_batch(2, 8, seed=2)), kept)
    np.testing.assert_array_equal(first, kept)


def test_one_graph_a_shape_and_none_beyond(uniform, make_batch):
    """The run option that a CUDA session reads; a CPU session passes over it."""
    classifier = bound(uniform.path, graphs=True, most=2)
    for length in (8, 16, 24, 8, 32):
        classifier(make_batch(1, length))
    assert classifier._captured == {(1, 8): "0", (1, 16): "1"}
    assert {(1, 8), (1, 16)} <= set(classifier._bound)


def test_logits_in_fp16_come_as_float32(uniform, make_batch, tmp_path):
    to_fp16(uniform.path, tmp_path / "half.onnx")
    assert bound(tmp_path / "half.onnx")(make_batch(2, 5)).dtype == np.float32


def test_without_a_mask_nothing_is_padded(make_classifier, make_batch, tmp_path):
    model = make_classifier()
    export_fp32(model, tmp_path / "model.onnx", input_names=("input_ids",))
    classifier = bound(tmp_path / "model.onnx")
    inputs = make_batch(2, 5)
    classifier(inputs)
    assert list(classifier._bound) == [(2, 5)]


def test_what_the_model_has_no_positions_for_is_refused_and_the_next_call_works(uniform, make_batch):
    classifier = bound(uniform.path, buckets=Buckets(longest=64))
    with pytest.raises(ExportError, match=r"does not run on inputs of shape \(2, 5000\)"):
        classifier(make_batch(2, 5000))
    assert np.isfinite(classifier(make_batch(2, 60))).all()


@given(
    batch=st.integers(1, 300), length=st.integers(1, 512), multiple=st.sampled_from([1, 8, 64]), powers=st.booleans()
)
def test_buckets_are_large_enough_and_no_larger_than_said(batch, length, multiple, powers):
    buckets = Buckets(multiple, longest=512, powers=powers)
    rows, tokens = buckets.shape(batch, length)
    assert length <= tokens < length + multiple
    assert tokens <= 512
    assert batch <= rows < 2 * batch
    assert rows == batch or powers
    assert buckets.shape(rows, tokens) == (rows, tokens)
