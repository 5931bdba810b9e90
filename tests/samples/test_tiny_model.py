"""The tiny encoder loads as any checkpoint does, is the same for the same seed, and keeps Devanagari whole."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, BertForSequenceClassification

from mctl.samples import TOPICS, headlines, tiny_model

TEXTS = [text for text, _ in headlines(42, 700)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("tiny") / "new" / "encoder"
    tiny_model(path, TEXTS, 42)
    return path


def hashes(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_the_shape_is_the_promised_one(folder):
    model = AutoModelForSequenceClassification.from_pretrained(folder, local_files_only=True)
    assert isinstance(model, BertForSequenceClassification)
    config = model.config
    assert (config.hidden_size, config.num_hidden_layers, config.num_attention_heads) == (128, 4, 4)
    assert (config.intermediate_size, config.max_position_embeddings) == (512, 128)
    assert config.id2label == dict(enumerate(TOPICS))
    assert 1000 < config.vocab_size <= 2000


def test_nothing_is_pickled_and_the_card_says_random_weights(folder):
    assert (folder / "model.safetensors").is_file()
    assert {path.suffix for path in folder.iterdir()} <= {".safetensors", ".json", ".md", ".txt"}
    assert "random weights" in (folder / "README.md").read_text()


def test_another_process_writes_the_same_files(folder, tmp_path):
    code = (
        "import sys, pathlib; from mctl.samples import headlines, tiny_model;"
        "tiny_model(pathlib.Path(sys.argv[1]), [text for text, _ in headlines(42, 700)], 42)"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    subprocess.run(
        [sys.executable, "-P", "-c", code, str(tmp_path / "again")], check=True, env=environment, capture_output=True
    )
    assert hashes(tmp_path / "again") == hashes(folder)


def test_another_seed_gives_other_weights_and_the_same_tokenizer(folder, tmp_path):
    tiny_model(tmp_path / "other", TEXTS, 43)
    first, other = hashes(folder), hashes(tmp_path / "other")
    assert first["tokenizer.json"] == other["tokenizer.json"]
    assert first["model.safetensors"] != other["model.safetensors"]


def test_the_global_random_state_is_left_alone(tmp_path):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    tiny_model(tmp_path / "m", TEXTS[:50], 42, ["A", "B"])
    assert torch.equal(before, torch.get_rng_state())


def test_vowel_signs_and_joiners_survive(tmp_path):
    texts = ["ऱ\u094d\u200dहास", "किंमत", "कीटक", "क\u094d\u200dष", "Café"]
    tiny_model(tmp_path / "m", texts * 3, 42)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "m", local_files_only=True)
    for text in texts:
        assert tokenizer.decode(tokenizer(text)["input_ids"], skip_special_tokens=True) == text


def test_headlines_are_read_without_unknown_words(folder):
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    encoded = tokenizer(TEXTS[:200], padding=True, truncation=True)
    assert set(encoded) == {"input_ids", "token_type_ids", "attention_mask"}
    ids = torch.tensor(encoded["input_ids"])
    assert tokenizer.unk_token_id not in ids
    assert (ids[:, 0] == tokenizer.cls_token_id).all()
    assert ids.shape[1] < 40


def test_a_long_text_is_cut_to_what_the_model_takes(folder):
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = AutoModelForSequenceClassification.from_pretrained(folder, local_files_only=True).eval()
    inputs = tokenizer(" ".join(TEXTS), truncation=True, return_tensors="pt")
    assert inputs["input_ids"].shape == (1, 128)
    with torch.no_grad():
        assert model(**inputs).logits.shape == (1, len(TOPICS))
