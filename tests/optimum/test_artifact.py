"""An export artifact, as `mctl export` leaves it, in optimum's hands; and the chain under transformers 4."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from command import mctl
from models import FAMILIES, small_model
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from mctl.exporters import ExportError, OnnxClassifier, TorchClassifier, open_session
from mctl.exporters.with_optimum import export_with_optimum

pytestmark = pytest.mark.optimum
TEXTS = ["मुंबईत आज जोरदार पाऊस", "क्रिकेट सामन्यात भारताचा विजय", "शेअर बाजारात मोठी घसरण"]


def test_an_export_loads_with_optimum_and_gives_the_logits_and_labels_of_its_source(chain: Path) -> None:
    runtime = pytest.importorskip("optimum.onnxruntime", reason="the extra mctl[optimum] is not installed")
    folder = chain / "artifacts" / "prune25-distill-fp16"
    model = runtime.ORTModelForSequenceClassification.from_pretrained(folder)
    source = AutoModelForSequenceClassification.from_pretrained(chain / "artifacts" / "prune25-distill").eval()
    encoded = AutoTokenizer.from_pretrained(folder)(TEXTS, padding=True, return_tensors="pt")
    with torch.no_grad():
        expected = source(**encoded).logits.numpy()
    actual = model(**encoded).logits.numpy()
    assert np.abs(actual - expected).max() < 0.05
    assert model.config.id2label == source.config.id2label
    assert model.config.model_type == "bert"


@pytest.mark.parametrize(("precision", "suffix"), [("--fp32", "fp32-optimum"), ("--int8", "int8-optimum")])
def test_an_export_by_optimum_passes_the_same_gate(
    copy_of_chain: Path, precision: str, suffix: str, input_names: list[str]
) -> None:
    pytest.importorskip("optimum.exporters.onnx", reason="the extra mctl[optimum] is not installed")
    ran = mctl("export", "artifacts/prune25-distill", precision, "--exporter", "optimum", cwd=copy_of_chain)
    assert ran.code == 0, ran.err
    folder = copy_of_chain / "artifacts" / f"prune25-distill-{suffix}"
    facts = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["facts"]
    assert (facts["exporter"], facts["graph"]["form"], facts["graph"]["input_names"]) == (
        "optimum",
        "plain",
        input_names,
    )
    judged = mctl("validate", folder, "--no-emissions", "--repeats", 2, cwd=copy_of_chain)
    assert judged.code == 0, judged.out + judged.err


@pytest.fixture
def input_names(chain: Path) -> list[str]:
    export = chain / "artifacts" / "prune25-distill-fp16" / "manifest.json"
    names: list[str] = json.loads(export.read_text(encoding="utf-8"))["facts"]["inputs"]
    return names


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_through_optimum(family: str, tmp_path: Path) -> None:
    pytest.importorskip("optimum.exporters.onnx", reason="the extra mctl[optimum] is not installed")
    model = small_model(family)
    names = ("input_ids", "attention_mask")
    export_with_optimum(model, tmp_path / "model.onnx", config=model.config, input_names=names)
    random = np.random.default_rng(0)
    for length in (1, 2, 17):
        ids = random.integers(5, 100, size=(3, length))
        mask = np.ones_like(ids)
        mask[1, length // 2 + 1 :] = 0
        inputs = {"input_ids": np.where(mask, ids, model.config.pad_token_id), "attention_mask": mask}
        found = OnnxClassifier(open_session(tmp_path / "model.onnx"))(inputs)
        np.testing.assert_allclose(found, TorchClassifier(model, names)(inputs), atol=1e-4, rtol=0)


def test_a_kind_of_model_that_optimum_does_not_know(tmp_path: Path) -> None:
    pytest.importorskip("optimum.exporters.onnx", reason="the extra mctl[optimum] is not installed")
    model = small_model("bert")
    config = copy.deepcopy(model.config)
    config.model_type = "abacus"
    with pytest.raises(ExportError, match=r"optimum cannot export this model: .*abacus"):
        export_with_optimum(model, tmp_path / "model.onnx", config=config, input_names=("input_ids",))
    assert list(tmp_path.iterdir()) == []
