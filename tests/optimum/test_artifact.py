"""An export artifact, as `mctl export` leaves it, in optimum's hands; and the chain under transformers 4."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

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
