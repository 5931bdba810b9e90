from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from mctl.exporters import ExportError, OnnxClassifier, TorchClassifier, export_fp32, open_session

NAMES = ("input_ids", "attention_mask", "token_type_ids")
SHAPES = [(batch, length) for batch in (1, 32) for length in (1, 7, 128)] + [(1, 512)]


class MeanEmbedding(nn.Module):
    """A classifier that is no transformers model: mean of embeddings, then a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embedding = nn.Embedding(50, 8)
        self.output = nn.Linear(8, 3)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        weights = attention_mask.unsqueeze(-1).to(self.embedding.weight.dtype)
        return self.output((self.embedding(input_ids) * weights).sum(1) / weights.sum(1))


class NegatesWhileTraining(MeanEmbedding):
    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        logits = super().forward(input_ids, attention_mask)
        return -logits if self.training else logits


class IgnoresTokenTypes(MeanEmbedding):
    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, **unused: torch.Tensor) -> torch.Tensor:
        return super().forward(input_ids, attention_mask)


class BuiltWithSdpa(MeanEmbedding):
    """Like some models of transformers 4: no longer the same once its configuration says eager."""

    def __init__(self, when_eager: str) -> None:
        super().__init__()
        self.config = SimpleNamespace(_attn_implementation="sdpa")
        self.when_eager = when_eager

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        if self.config._attn_implementation == "sdpa":
            return super().forward(input_ids, attention_mask)
        if self.when_eager == "fails":
            raise RuntimeError("mask of the wrong kind")
        return super().forward(input_ids, torch.ones_like(attention_mask))


class FixedLength(nn.Module):
    """Takes texts of one length only; 8 is that of the exporter's own example."""

    def __init__(self, length: int = 8) -> None:
        super().__init__()
        self.output = nn.Linear(length, 3)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        return self.output(input_ids.float())


class TextsCutUp(FixedLength):
    """Takes any length, but gives one row for every 8 tokens instead of one for every text."""

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        return self.output(input_ids.reshape(-1, 8).float())


@pytest.mark.parametrize(("batch", "length"), SHAPES)
def test_logits_are_those_of_the_model_in_evaluation_mode(exported, make_batch, batch, length):
    inputs = make_batch(batch, length)
    expected = TorchClassifier(exported.model, NAMES)(inputs)
    assert expected.std() > 0.05
    np.testing.assert_allclose(exported.classifier(inputs), expected, atol=1e-4, rtol=0)


def test_logits_at_the_largest_batch_and_length(uniform, make_batch):
    inputs = make_batch(32, 512)
    expected = TorchClassifier(uniform.model, NAMES)(inputs)
    np.testing.assert_allclose(uniform.classifier(inputs), expected, atol=1e-4, rtol=0)


def test_padding_changes_no_logits(exported, make_batch):
    short = make_batch(4, 9)
    padded = {name: np.pad(array, ((0, 0), (0, 200))) for name, array in short.items()}
    classifier = exported.classifier
    np.testing.assert_allclose(classifier(padded), classifier(short), atol=1e-5, rtol=0)


def test_model_is_left_as_it_was(exported, state_of):
    after = state_of(exported.model)
    weights_before, weights_after = exported.state_before["weights"], after["weights"]
    assert {**after, "weights": None} == {**exported.state_before, "weights": None}
    assert weights_before.keys() == weights_after.keys()
    assert all(torch.equal(weights_before[name], weights_after[name]) for name in weights_before)


def test_names_types_and_free_dimensions(exported):
    graph = onnx.load(exported.path).graph
    dims = {
        value.name: [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in graph.input
    }
    assert dims == {name: ["batch", "sequence"] for name in NAMES}
    (logits,) = graph.output
    assert logits.name == "logits"
    assert [dim.dim_param or dim.dim_value for dim in logits.type.tensor_type.shape.dim] == ["batch", 5]
    assert {value.type.tensor_type.elem_type for value in graph.input} == {onnx.TensorProto.INT64}
    assert logits.type.tensor_type.elem_type == onnx.TensorProto.FLOAT


def test_report_describes_the_file(exported):
    model, report = onnx.load(exported.path), exported.report
    assert report.files == (exported.path,)
    assert report.file_bytes == exported.path.stat().st_size
    assert report.opset == model.opset_import[0].version == 20
    assert (report.input_names, report.output_name, report.classes) == (NAMES, "logits", 5)
    assert report.node_count == len(model.graph.node) == sum(report.operator_counts.values())
    layers = exported.model.config.num_hidden_layers
    assert report.operator_counts["LayerNormalization"] == 2 * layers + 1
    assert report.operator_counts["Gelu"] == layers
    assert "Identity" not in report.operator_counts
    assert {entry.domain for entry in model.opset_import} == {""}
    assert (report.form, report.fusions) == ("plain", {})
    weights = sum(weight.numel() * 4 for weight in exported.model.parameters())
    # Equal initializers (zero biases, unit scales) are stored once.
    assert 0.97 * weights < report.initializer_bytes < report.file_bytes


def test_same_model_gives_the_same_bytes_and_says_nothing(uniform, tmp_path, capfd, caplog):
    with caplog.at_level(logging.WARNING):
        export_fp32(uniform.model, tmp_path / "again.onnx", input_names=NAMES)
    assert (tmp_path / "again.onnx").read_bytes() == uniform.path.read_bytes()
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []


def test_file_names_no_path_of_this_machine(uniform):
    content = uniform.path.read_bytes()
    assert b"stack_trace" not in content
    assert b".py" not in content
    assert str(Path(torch.__file__).parent).encode() not in content


def test_opset_23_has_one_attention_node_a_layer(make_classifier, make_batch, tmp_path):
    model = make_classifier(heads=(4,), rows=(256,))
    model.config.output_hidden_states = True  # more outputs in PyTorch, none in the graph
    report = export_fp32(model, tmp_path / "model.onnx", input_names=NAMES, form="attention")
    assert (report.opset, report.output_name, report.operator_counts["Attention"]) == (23, "logits", 1)
    inputs = make_batch(3, 11)
    classifier = OnnxClassifier(open_session(tmp_path / "model.onnx"))
    np.testing.assert_allclose(classifier(inputs), TorchClassifier(model, NAMES)(inputs), atol=1e-4, rtol=0)


def test_model_without_token_types_or_a_transformers_config(tmp_path):
    model = MeanEmbedding().double()
    export_fp32(model, tmp_path / "mean.onnx", input_names=["input_ids", "attention_mask"])
    inputs = {"input_ids": np.array([[3, 4, 0]]), "attention_mask": np.array([[1, 1, 0]])}
    classifier = OnnxClassifier(open_session(tmp_path / "mean.onnx"))
    assert classifier.input_names == ("input_ids", "attention_mask")
    assert classifier.session.get_outputs()[0].type == "tensor(float)"
    expected = TorchClassifier(model, classifier.input_names)(inputs)
    np.testing.assert_allclose(classifier(inputs), expected, atol=1e-5, rtol=0)
    assert model.output.weight.dtype == torch.float64


def test_weights_over_the_limit_lie_beside_the_graph(tmp_path):
    path, data = tmp_path / "mean.onnx", tmp_path / "mean.onnx.data"
    model = NegatesWhileTraining().train()
    names = ["input_ids", "attention_mask"]
    report = export_fp32(model, path, input_names=names, single_file_limit_bytes=1000)
    assert report.files == (path, data)
    assert report.file_bytes == path.stat().st_size + data.stat().st_size
    assert 50 * 8 * 4 <= report.initializer_bytes <= report.file_bytes
    inputs = {"input_ids": np.array([[3, 4, 9]]), "attention_mask": np.array([[1, 1, 1]])}
    logits = OnnxClassifier(open_session(path))(inputs)
    np.testing.assert_allclose(logits, TorchClassifier(model, names)(inputs), atol=1e-5, rtol=0)
    assert np.abs(logits).max() > 0.1


@pytest.mark.parametrize("when_eager", ["fails", "masks nothing"])
def test_model_that_cannot_switch_its_attention_keeps_it(tmp_path, when_eager):
    model = BuiltWithSdpa(when_eager)
    names = ["input_ids", "attention_mask"]
    export_fp32(model, tmp_path / "m.onnx", input_names=names)
    inputs = {"input_ids": np.array([[3, 4, 9]]), "attention_mask": np.array([[1, 0, 0]])}
    logits = OnnxClassifier(open_session(tmp_path / "m.onnx"))(inputs)
    np.testing.assert_allclose(logits, TorchClassifier(model, names)(inputs), atol=1e-5, rtol=0)
    assert vars(model.config) == {"_attn_implementation": "sdpa"}


def test_unused_input_is_refused_and_leaves_the_old_file(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"the old one")
    with pytest.raises(ExportError, match="token_type_ids"):
        export_fp32(IgnoresTokenTypes(), path, input_names=NAMES)
    assert path.read_bytes() == b"the old one"
    assert list(tmp_path.iterdir()) == [path]


def test_input_that_the_model_does_not_take_is_refused(tmp_path):
    with pytest.raises(ExportError, match="MeanEmbedding takes no token_type_ids"):
        export_fp32(MeanEmbedding(), tmp_path / "mean.onnx", input_names=NAMES)


@pytest.mark.parametrize("names", [[], ["attention_mask"], ["input_ids", "labels"], ["input_ids", "input_ids"]])
def test_unusable_input_names_are_refused(tmp_path, names):
    with pytest.raises(ExportError, match="input names must be"):
        export_fp32(MeanEmbedding(), tmp_path / "mean.onnx", input_names=names)


def test_opset_that_pytorch_does_not_write_is_refused(tmp_path):
    with pytest.raises(ExportError, match="99 was asked for"):
        export_fp32(MeanEmbedding(), tmp_path / "m.onnx", input_names=["input_ids", "attention_mask"], opset=99)
    assert not (tmp_path / "m.onnx").exists()


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (FixedLength(8), "cannot export this model"),
        (FixedLength(9), r"does not run on inputs of shape \(2, 8\)"),
        (TextsCutUp(), "output has the shape"),
    ],
)
def test_model_that_is_no_classifier_of_any_batch_and_length_is_refused(tmp_path, model, reason):
    with pytest.raises(ExportError, match=reason) as caught:
        export_fp32(model, tmp_path / "m.onnx", input_names=["input_ids"])
    assert not (tmp_path / "m.onnx").exists()
    assert "\x1b" not in str(caught.value)  # PyTorch's advice is coloured; the cause below it is wanted


def test_folder_in_place_of_a_file_is_refused_before_the_model_is_looked_at(tmp_path):
    with pytest.raises(ExportError, match="is a folder"):
        export_fp32(FixedLength(), tmp_path, input_names=["input_ids"])


layouts = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 256)), min_size=1, max_size=2)


@settings(max_examples=2, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(layout=layouts, batch=st.integers(1, 4), length=st.integers(1, 40))
def test_any_layout_exports_with_equal_logits(make_classifier, make_batch, tmp_path, layout, batch, length):
    heads, rows = zip(*layout, strict=True)
    model = make_classifier(heads=heads, rows=rows)
    export_fp32(model, tmp_path / "model.onnx", input_names=NAMES)
    inputs = make_batch(batch, length)
    logits = OnnxClassifier(open_session(tmp_path / "model.onnx"))(inputs)
    np.testing.assert_allclose(logits, TorchClassifier(model, NAMES)(inputs), atol=1e-4, rtol=0)
