"""The form of graph that is meant for CUDA: its nodes are counted, and its logits compared on the CPU."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from models import FAMILIES, small_model
from processor import needs_exact_int8
from torch import nn

from mctl.exporters import ExportError, OnnxClassifier, TorchClassifier, export_fp32, open_session, to_fp16, to_int8

NAMES = ("input_ids", "attention_mask", "token_type_ids")
MASK = ("input_ids", "attention_mask")


class AttentionOnly(nn.Module):
    """One attention block over embeddings, with whatever else its author adds to it."""

    def __init__(self, **options: object) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embedding = nn.Embedding(50, 8)
        self.output = nn.Linear(8, 3)
        self.options = options

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        rows = self.embedding(input_ids).unsqueeze(1)
        options = self.options or {"attn_mask": attention_mask.bool()[:, None, None, :]}
        mixed = nn.functional.scaled_dot_product_attention(rows, rows, rows, **options)
        return self.output((mixed[:, 0] * attention_mask.unsqueeze(-1)).sum(1))


def classifier(path: Path) -> OnnxClassifier:
    return OnnxClassifier(open_session(path, threads=1))


def nodes(path: Path) -> list[str]:
    return [node.op_type for node in onnx.load(path).graph.node]


def padded_anywhere(make_batch, batch: int, length: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Padding to the left, to the right and between tokens; every text keeps one."""
    inputs = make_batch(batch, length)
    random = np.random.default_rng(seed)
    mask = random.integers(0, 2, size=(batch, length))
    mask[np.arange(batch), random.integers(0, length, size=batch)] = 1
    return inputs | {"attention_mask": mask}


@pytest.mark.parametrize("heads", [(4, 4), (3, 1)])
def test_every_block_is_one_node_and_nothing_is_left_over(make_classifier, make_batch, tmp_path, heads):
    model = make_classifier(heads=heads, rows=(256, 33))
    report = export_fp32(model, tmp_path / "model.onnx", input_names=NAMES, form="fused")
    assert report.fusions == {
        "Attention": 2,
        "EmbedLayerNormalization": 1,
        "SkipLayerNormalization": 4,
        "BiasGelu": 2,
    }
    graph = onnx.load(tmp_path / "model.onnx").graph
    assert all(len(node.output) == 1 for node in graph.node if node.op_type == "SkipLayerNormalization")
    left = set(nodes(tmp_path / "model.onnx"))
    assert not left & {"Identity", "Reshape", "Transpose", "Softmax", "LayerNormalization", "Gelu", "Erf"}
    inputs = padded_anywhere(make_batch, 9, 31)
    expected = TorchClassifier(model, NAMES)(inputs)
    assert expected.std() > 0.05
    np.testing.assert_allclose(classifier(tmp_path / "model.onnx")(inputs), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family(family, tmp_path):
    model = small_model(family)
    if not model._supports_sdpa:
        # Some families have only eager attention in transformers 4.
        with pytest.raises(ExportError, match="no block of the model calls"):
            export_fp32(model, tmp_path / "model.onnx", input_names=NAMES, form="fused")
        return
    names = MASK if family in {"distilbert", "roberta", "xlm-roberta"} else NAMES
    report = export_fp32(model, tmp_path / "model.onnx", input_names=names, form="fused")
    counts = (
        report.fusions["Attention"],
        report.fusions["BiasGelu"],
        report.fusions["SkipLayerNormalization"],
    )
    assert counts == (2, 2, 4)
    assert report.fusions["EmbedLayerNormalization"] == 1
    random = np.random.default_rng(0)
    for length in (1, 2, 17):
        ids = random.integers(5, 100, size=(3, length))
        mask = np.ones_like(ids)
        mask[1, length // 2 + 1 :] = 0
        inputs = {"input_ids": np.where(mask, ids, model.config.pad_token_id), "attention_mask": mask}
        inputs["token_type_ids"] = np.zeros_like(ids)
        expected = TorchClassifier(model, names)(inputs)
        np.testing.assert_allclose(classifier(tmp_path / "model.onnx")(inputs), expected, atol=1e-4, rtol=0)


def test_embeddings_without_token_types_as_input(make_classifier, make_batch, tmp_path):
    """BERT then looks up segment 0 by itself; the fused node needs ids, and may stay out."""
    model = make_classifier()
    report = export_fp32(model, tmp_path / "model.onnx", input_names=MASK, form="fused")
    assert report.fusions["Attention"] == 2
    inputs = make_batch(4, 12)
    expected = TorchClassifier(model, MASK)(inputs)
    np.testing.assert_allclose(classifier(tmp_path / "model.onnx")(inputs), expected, atol=1e-4, rtol=0)


def test_fp16_of_the_fused_form(make_classifier, make_batch, tmp_path):
    model = make_classifier(heads=(3, 1), rows=(200, 33))
    export_fp32(model, tmp_path / "full.onnx", input_names=NAMES, form="fused")
    report = to_fp16(tmp_path / "full.onnx", tmp_path / "half.onnx")
    assert report.fp16_initializer_share >= 0.99
    assert report.nodes_kept_fp32 == {}
    assert [name for name in nodes(tmp_path / "half.onnx") if name != "Cast"] == [
        name for name in nodes(tmp_path / "full.onnx") if name != "Cast"
    ]
    inputs = padded_anywhere(make_batch, 64, 20)
    expected = TorchClassifier(model, NAMES)(inputs)
    np.testing.assert_allclose(classifier(tmp_path / "half.onnx")(inputs), expected, atol=0.01, rtol=0)


def weights(path: Path) -> dict[str, tuple[int, ...]]:
    return {tensor.name: tuple(tensor.dims) for tensor in onnx.load(path).graph.initializer}


def test_projections_are_one_weight_and_their_parts_are_gone(make_classifier, tmp_path):
    model = make_classifier(heads=(3, 1), rows=(200, 33))
    for packed in (True, False):
        export_fp32(model, tmp_path / f"{packed}.onnx", input_names=NAMES, form="fused", packed=packed)
    hidden, head_size = model.config.hidden_size, model.config.hidden_size // model.config.num_attention_heads
    joined = [(hidden, 3 * heads * head_size) for heads in (3, 1)]
    assert [shape for shape in weights(tmp_path / "True.onnx").values() if shape in joined] == joined
    assert nodes(tmp_path / "False.onnx").count("MatMul") - nodes(tmp_path / "True.onnx").count("MatMul") == 6
    sizes = [(tmp_path / f"{packed}.onnx").stat().st_size for packed in (True, False)]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.02)


def test_widths_of_the_ffn_are_filled_up_to_what_tensor_cores_read(make_classifier, tmp_path):
    """33 rows as 40; that logits are the same is tested with every layout."""
    model = make_classifier(heads=(3, 1), rows=(200, 33))
    export_fp32(model, tmp_path / "model.onnx", input_names=NAMES, form="fused")
    graph = onnx.load(tmp_path / "model.onnx").graph
    shapes = weights(tmp_path / "model.onnx")
    hidden = model.config.hidden_size
    widths = [shapes[node.input[1]] for node in graph.node if node.op_type == "BiasGelu"]
    assert widths == [(200,), (40,)]
    assert {(hidden, 40), (40, hidden)} <= set(shapes.values())


def test_int8_of_packed_attention_is_refused(make_classifier, tmp_path):
    """Its projections would stay in fp32 without a word."""
    export_fp32(make_classifier(), tmp_path / "full.onnx", input_names=NAMES, form="fused")
    with pytest.raises(ExportError, match="packed=False"):
        to_int8(tmp_path / "full.onnx", tmp_path / "small.onnx")


@needs_exact_int8
def test_int8_of_the_fused_form(make_classifier, make_batch, tmp_path):
    model = make_classifier(heads=(3, 1), rows=(200, 33))
    made = export_fp32(model, tmp_path / "full.onnx", input_names=NAMES, form="fused", packed=False)
    assert made.fusions["MultiHeadAttention"] == 2
    report = to_int8(tmp_path / "full.onnx", tmp_path / "small.onnx")
    assert report.quantized["MatMul"] == 12
    inputs = padded_anywhere(make_batch, 64, 20)
    full, small = (classifier(tmp_path / f"{name}.onnx")(inputs) for name in ("full", "small"))
    assert 0 < np.abs(full - small).max() < 0.1 * np.ptp(full)


def test_text_of_nothing_but_padding_gives_finite_logits(make_classifier, make_batch, tmp_path):
    export_fp32(make_classifier(), tmp_path / "full.onnx", input_names=NAMES, form="fused")
    to_fp16(tmp_path / "full.onnx", tmp_path / "half.onnx")
    inputs = make_batch(4, 64)
    inputs["attention_mask"][:] = 0
    for name in ("full.onnx", "half.onnx"):
        assert np.isfinite(classifier(tmp_path / name)(inputs)).all()


def test_plain_attention_of_any_module_is_fused(tmp_path):
    report = export_fp32(AttentionOnly(), tmp_path / "m.onnx", input_names=MASK, form="fused")
    assert report.fusions == {"MultiHeadAttention": 1}


@pytest.mark.parametrize(
    "model", [AttentionOnly(is_causal=True), AttentionOnly(attn_mask=torch.eye(8)), nn.Sequential()], ids=str
)
def test_attention_that_does_more_is_refused_rather_than_exported_wrongly(tmp_path, model):
    if isinstance(model, nn.Sequential):  # no attention at all
        model = _Counting()
    with pytest.raises(ExportError, match="do not fuse it"):
        export_fp32(model, tmp_path / "m.onnx", input_names=MASK, form="fused")
    assert not list(tmp_path.iterdir())


class _Counting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.output = nn.Linear(1, 3)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.output((input_ids * attention_mask).float().mean(1, keepdim=True))


def test_pytorch_has_its_own_attention_back(tmp_path):
    before = nn.functional.scaled_dot_product_attention
    export_fp32(AttentionOnly(), tmp_path / "m.onnx", input_names=MASK, form="fused")
    with pytest.raises(ExportError):
        export_fp32(AttentionOnly(is_causal=True), tmp_path / "m.onnx", input_names=MASK, form="fused")
    assert nn.functional.scaled_dot_product_attention is before


layouts = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 256)), min_size=1, max_size=2)


@settings(max_examples=2, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(layout=layouts, batch=st.integers(1, 4), length=st.integers(1, 40), seed=st.integers(0, 99))
def test_any_layout_gives_equal_logits(make_classifier, make_batch, tmp_path, layout, batch, length, seed):
    heads, rows = zip(*layout, strict=True)
    model = make_classifier(heads=heads, rows=rows)
    report = export_fp32(model, tmp_path / "model.onnx", input_names=NAMES, form="fused")
    assert report.fusions["Attention"] == len(heads)
    inputs = padded_anywhere(make_batch, batch, length, seed)
    logits = classifier(tmp_path / "model.onnx")(inputs)
    np.testing.assert_allclose(logits, TorchClassifier(model, NAMES)(inputs), atol=1e-4, rtol=0)
