from __future__ import annotations

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from mctl.exporters import ExportError, OnnxClassifier, open_session


def spoiled(whole: bytes, how: str) -> bytes:
    if how == "opset":
        model = onnx.load_from_string(whole)
        model.opset_import[0].version = 9999
        return model.SerializeToString()
    return {"cut": whole[: len(whole) // 2], "empty": b"", "text": b"version https://git-lfs.github.com\n" * 9}[how]


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("cut", "cut short or no ONNX file"),
        ("empty", "cut short or no ONNX file"),
        ("text", "cut short or no ONNX file"),
        ("opset", r"opset 9999, and this runtime knows up to \d+"),
    ],
)
def test_unusable_file_is_one_sentence_and_nothing_on_the_terminal(uniform, tmp_path, capfd, how, reason):
    path = tmp_path / "model.onnx"
    path.write_bytes(spoiled(uniform.path.read_bytes(), how))
    with pytest.raises(ExportError, match=reason) as caught:
        open_session(path)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_missing_file_and_folder_are_refused(tmp_path):
    for path in (tmp_path / "none.onnx", tmp_path):
        with pytest.raises(ExportError, match="no ONNX file at"):
            open_session(path)


def test_provider_and_threads_are_those_asked_for(uniform):
    session = open_session(uniform.path, provider="cpu", threads=1)
    assert session.get_providers() == ["CPUExecutionProvider"]
    assert session.get_session_options().intra_op_num_threads == 1


def test_gpu_is_used_or_refused_but_never_replaced(uniform):
    try:
        session = open_session(uniform.path, provider="cuda")
    except ExportError as error:
        assert "CUDAExecutionProvider" in str(error)
    else:
        assert session.get_providers()[0] == "CUDAExecutionProvider"


def test_silent_fall_back_is_an_error(uniform, monkeypatch):
    """What onnxruntime does where its GPU package is installed and the driver is not."""
    real = ort.InferenceSession

    def falls_back(path, options, providers):
        return real(path, options, providers=["CPUExecutionProvider"])

    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"])
    monkeypatch.setattr(ort, "InferenceSession", falls_back)
    with pytest.raises(ExportError, match="fell back to CPUExecutionProvider"):
        open_session(uniform.path, provider="cuda")


def test_runtime_without_the_provider_is_refused(uniform, monkeypatch):
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(ExportError, match="has no CUDAExecutionProvider"):
        open_session(uniform.path, provider="cuda")


@pytest.mark.parametrize(
    ("setting", "reason"), [({"provider": "tpu"}, "unknown provider"), ({"threads": 0}, "at least 1")]
)
def test_unknown_settings_are_refused(uniform, setting, reason):
    with pytest.raises(ExportError, match=reason):
        open_session(uniform.path, **setting)


def test_only_declared_inputs_are_fed(uniform, make_batch):
    inputs = make_batch(2, 5)
    classifier = uniform.classifier
    logits = classifier({**inputs, "special_tokens_mask": inputs["attention_mask"]})
    assert (logits.shape, logits.dtype) == ((2, 5), np.float32)
    np.testing.assert_array_equal(logits, classifier(inputs))


def test_missing_input_is_named(uniform, make_batch):
    inputs = make_batch(2, 5)
    del inputs["token_type_ids"]
    with pytest.raises(ExportError, match="missing input token_type_ids"):
        uniform.classifier(inputs)


def test_any_integer_type_is_taken(uniform, make_batch):
    inputs = make_batch(2, 5)
    narrow = {name: np.asfortranarray(array.astype(np.int32)) for name, array in inputs.items()}
    np.testing.assert_array_equal(uniform.classifier(narrow), uniform.classifier(inputs))


@pytest.mark.parametrize("harm", ["too long", "unknown id"])
def test_input_beyond_the_model_is_one_sentence(uniform, make_batch, capfd, harm):
    inputs = make_batch(2, 513 if harm == "too long" else 6)
    if harm == "unknown id":
        inputs["input_ids"][0, 0] = 2000
    shape = r"\(2, 513\)" if harm == "too long" else r"\(2, 6\)"
    with pytest.raises(ExportError, match=f"does not run on inputs of shape {shape}") as caught:
        uniform.classifier(inputs)
    assert "\n" not in str(caught.value)
    assert "onnxruntime_src" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_graph_without_logits_is_refused(uniform, tmp_path):
    model = onnx.load(uniform.path)
    hidden = next(node.output[0] for node in model.graph.node if node.op_type == "Tanh")
    model.graph.output[0].name = hidden
    second = model.graph.output.add()
    second.CopyFrom(model.graph.output[0])
    second.name = next(node.output[0] for node in model.graph.node if node.op_type == "Gelu")
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    path = tmp_path / "hidden.onnx"
    onnx.save(model, path)
    with pytest.raises(ExportError, match="no output named logits"):
        OnnxClassifier(open_session(path))
