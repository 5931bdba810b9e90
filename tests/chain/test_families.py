"""Every family from an encoder to a verdict, through the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from command import Ran, mctl
from encoders import tiny_encoder
from models import FAMILIES
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from mctl.exporters.session import OnnxClassifier, open_session

RECIPE = """
[model]
name = "encoder"
max_length = 24

[data]
source = "news.csv"

[finetune]
epochs = 1
batch_size = 16
learning_rate = 1e-3

[compress]
prune = 80
layers = 2
layers_by = "influence"
distill = ["logits", "hidden", "relations"]
batch_size = 16
ramp_epochs = 1
recovery_epochs = 1

[measure]
batches = 1
repeats = 2
emissions = false

[gate]
max_accuracy_drop = 100
max_macro_f1_drop = 100
max_slice_drop = 100
# An epoch on 147 texts teaches hardly more than which class is the most frequent.
on_inconclusive = "pass"
"""
COMPRESSED = "prune80-layers2-distill"
LONGEST = 32
LENGTHS = (1, 2, 7, LONGEST)


def succeed(*arguments: object, cwd: Path) -> Ran:
    ran = mctl(*arguments, cwd=cwd)
    assert ran.code == 0, ran.err
    return ran


def facts(folder: Path, name: str) -> dict[str, Any]:
    return json.loads((folder / "artifacts" / name / "manifest.json").read_text())["facts"]


def check_sizes(folder: Path) -> None:
    """Eighty percent of what the kept layers held are gone, and nothing but encoder parameters."""
    made = facts(folder, COMPRESSED)
    assert abs(made["pruning"]["removed_percent"] - 80) <= 0.5
    assert made["pruning"]["strip_max_abs_logit_diff"] <= 1e-5
    assert made["layout"]["heads"] == [1, 1], "more would be above the level"
    before, after = made["before"]["parameters"], made["parameters"]
    assert after["total"] == before["total"] - (before["encoder"] - after["encoder"])


def some_inputs(model: Any, length: int) -> dict[str, torch.Tensor]:
    """Three texts of random token ids and types, two of them padded as the model wants it."""
    generator = torch.Generator().manual_seed(length)
    mask = torch.ones(3, length, dtype=torch.int64)
    mask[1:, length // 2 + 1 :] = 0
    ids = torch.randint(5, model.config.vocab_size, mask.shape, generator=generator)
    kinds = torch.randint(0, getattr(model.config, "type_vocab_size", 1), mask.shape, generator=generator)
    return {
        "input_ids": ids.where(mask == 1, model.config.pad_token_id),
        "attention_mask": mask,
        "token_type_ids": kinds,
    }


def check_export(folder: Path, texts: list[str]) -> None:
    """PyTorch and ONNX agree, and all artifacts read texts in the same way."""
    source = folder / "artifacts" / COMPRESSED
    model = AutoModelForSequenceClassification.from_pretrained(source).eval()
    graph = OnnxClassifier(open_session(folder / "artifacts" / f"{COMPRESSED}-fp32" / "model.onnx", threads=1))
    for length in LENGTHS:
        fed = {name: tensor for name, tensor in some_inputs(model, length).items() if name in graph.input_names}
        with torch.no_grad():
            expected = model(**fed).logits.numpy()
        actual = graph({name: tensor.numpy() for name, tensor in fed.items()})
        np.testing.assert_allclose(actual, expected, atol=1e-4, rtol=0)
    places = (folder / "encoder", folder / "artifacts" / "teacher", source, source.with_name(f"{COMPRESSED}-fp32"))
    read = [AutoTokenizer.from_pretrained(place)(texts)["input_ids"] for place in places]
    assert all(ids == read[0] for ids in read)
    assert len({len(ids) for ids in read[0]}) > 1
    tokenizer = AutoTokenizer.from_pretrained(source)
    encoded = tokenizer(texts, padding=True, truncation=True, max_length=LONGEST, return_tensors="pt")
    assert model(**encoded).logits.shape == (len(texts), 7), "a tokenizer gives what its model takes"


@pytest.mark.parametrize("family", FAMILIES)
def test_from_an_encoder_to_a_verdict(family: str, tmp_path: Path) -> None:
    from mctl.samples import headlines, write_csv

    rows = headlines(7, 210)
    texts = [text for text, _ in rows]
    write_csv(tmp_path / "news.csv", rows)
    before_first = 2 if "roberta" in family else 0
    tiny_encoder(tmp_path / "encoder", family, texts, layers=3, max_position_embeddings=LONGEST + before_first)
    (tmp_path / "mctl.toml").write_text(RECIPE)
    succeed("finetune", cwd=tmp_path)
    assert succeed("compress", cwd=tmp_path).out.strip() == f"artifacts/{COMPRESSED}"
    succeed("export", cwd=tmp_path)
    result = json.loads(succeed("validate", "--json", cwd=tmp_path).out)
    assert {check["group"] for check in result["checks"] if check["verdict"] == "inconclusive"} <= {"accuracy"}
    assert result["comparison"]["parity"]["label_agreement"] == 1.0
    assert result["comparison"]["parity"]["max_abs_logit_diff"] <= 1e-4
    check_sizes(tmp_path)
    check_export(tmp_path, texts[:20])
    assert "heads" in succeed("inspect", cwd=tmp_path).out
    names = (COMPRESSED, f"{COMPRESSED}-fp32")
    by_torch, by_onnx = (succeed("predict", "--artifact", f"artifacts/{n}", *texts[:5], cwd=tmp_path) for n in names)
    assert by_torch.out == by_onnx.out != ""
