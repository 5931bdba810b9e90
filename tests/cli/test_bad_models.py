"""Models that cannot be used, and code that must not run."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from command import mctl
from refusal import Refused
from safetensors.torch import load_file, save_file
from transformers import (
    AlbertConfig,
    AlbertForSequenceClassification,
    AutoModelForSequenceClassification,
    GPT2Config,
    GPT2ForSequenceClassification,
)

from mctl.compression.families import supported


def edit(path: Path, **values: Any) -> None:
    """Set keys of a JSON file."""
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_an_unsupported_architecture_names_the_supported_ones(copy_of_sample: Path, refused: Refused) -> None:
    config = GPT2Config(n_layer=1, n_head=2, n_embd=16, vocab_size=50, bos_token_id=1, eos_token_id=2)
    GPT2ForSequenceClassification(config).save_pretrained(copy_of_sample / "gpt2-tiny")
    words = ["gpt2-tiny", "'gpt2' cannot be pruned", ", ".join(supported())]
    refused("finetune", "--model", "./gpt2-tiny", cwd=copy_of_sample, words=words)


def test_albert_is_refused_with_the_reason(copy_of_sample: Path, refused: Refused) -> None:
    config = AlbertConfig(num_hidden_layers=1, num_attention_heads=2, hidden_size=16, embedding_size=16, vocab_size=50)
    AlbertForSequenceClassification(config).save_pretrained(copy_of_sample / "shared")
    words = ["shared", "ALBERT shares one set of weights", "Supported architectures"]
    refused("compress", "--teacher", "./shared", cwd=copy_of_sample, words=words)


def test_pickled_weights_are_not_read(copy_of_sample: Path, refused: Refused) -> None:
    encoder = copy_of_sample / "encoder"
    model = AutoModelForSequenceClassification.from_pretrained(encoder)
    torch.save(model.state_dict(), encoder / "pytorch_model.bin")
    (encoder / "model.safetensors").unlink()
    refused("finetune", cwd=copy_of_sample, words=["encoder", "not in safetensors", "save_pretrained"])


@pytest.mark.parametrize("length", [1000, -1000])
def test_weights_that_were_cut_short(copy_of_sample: Path, refused: Refused, length: int) -> None:
    weights = copy_of_sample / "encoder" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:length])
    refused("finetune", cwd=copy_of_sample, words=["encoder", "damaged", "model.safetensors"])


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_files_that_are_not_json(copy_of_sample: Path, refused: Refused, name: str) -> None:
    (copy_of_sample / "encoder" / name).write_text("{")
    refused("finetune", cwd=copy_of_sample, words=["encoder", "cannot be loaded", "Check the files"])


def test_a_model_without_a_tokenizer_is_not_given_an_empty_one(copy_of_sample: Path, refused: Refused) -> None:
    for path in (copy_of_sample / "encoder").glob("tokenizer*"):
        path.unlink()
    refused("finetune", cwd=copy_of_sample, words=["encoder", "no tokenizer", "tokenizer.json"])


def test_a_teacher_without_its_head_is_not_given_a_random_one(copy_of_chain: Path, refused: Refused) -> None:
    teacher = (copy_of_chain / "artifacts" / "teacher").rename(copy_of_chain / "headless")
    (
        teacher / "manifest.json"
    ).unlink()  # A folder as transformers writes it, not an artifact: that would be refused as damaged.
    weights = load_file(teacher / "model.safetensors")
    del weights["classifier.weight"]
    save_file(weights, teacher / "model.safetensors", metadata={"format": "pt"})
    words = ["headless", "classifier.weight", "--model"]
    refused("compress", "--teacher", "./headless", cwd=copy_of_chain, words=words)


def test_a_folder_without_a_model(copy_of_sample: Path, refused: Refused) -> None:
    (copy_of_sample / "nothing").mkdir()
    refused("finetune", "--model", "nothing", cwd=copy_of_sample, words=["nothing", "config.json is missing"])
    refused(
        "finetune", "--model", "./nowhere", cwd=copy_of_sample, words=["nowhere", "there is no such file or folder"]
    )


def bring_code(encoder: Path) -> Path:
    """A module in the model's folder that leaves a file where it was imported; returns that file."""
    trace = encoder.parent / "imported"
    (encoder / "brought.py").write_text(f"from pathlib import Path\nPath({str(trace)!r}).touch()\n")
    return trace


def test_a_model_that_needs_its_own_code_is_refused_and_the_code_not_run(
    copy_of_sample: Path, refused: Refused
) -> None:
    encoder = copy_of_sample / "encoder"
    trace = bring_code(encoder)
    classes = {"AutoConfig": "brought.Config", "AutoModelForSequenceClassification": "brought.Model"}
    edit(encoder / "config.json", model_type="brought", auto_map=classes)
    words = ["encoder", "Python code of its own", "Read it", "--trust-remote-code"]
    refused("finetune", cwd=copy_of_sample, words=words)
    assert not trace.exists()


@pytest.mark.parametrize(
    ("name", "classes"),
    [
        ("config.json", {"AutoConfig": "brought.Config", "AutoModelForSequenceClassification": "brought.Model"}),
        ("tokenizer_config.json", {"AutoTokenizer": ["brought.Tokenizer", "brought.Tokenizer"]}),
    ],
)
def test_code_beside_a_stock_model_is_left_alone(copy_of_sample: Path, name: str, classes: Any) -> None:
    encoder = copy_of_sample / "encoder"
    trace = bring_code(encoder)
    edit(encoder / name, auto_map=classes)
    # A level that cannot be reached: the model is loaded and saved as the teacher, and nothing is trained.
    ran = mctl("compress", "--teacher", "./encoder", "--prune", 99.9, cwd=copy_of_sample)
    assert "--prune: every layer keeps" in ran.err
    teacher = copy_of_sample / "artifacts" / "teacher"
    assert (teacher / "model.safetensors").exists()
    assert not trace.exists()
    assert not list(teacher.glob("*.py"))
    assert "brought" not in (teacher / name).read_text()


def test_the_code_is_run_when_the_user_says_so(copy_of_sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the tests above would prove nothing."""
    # Code is copied to a cache before it runs: not to that of whoever runs the tests.
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(copy_of_sample / "modules"))
    monkeypatch.setattr(sys, "path", [*sys.path])
    encoder = copy_of_sample / "encoder"
    trace = bring_code(encoder)
    edit(encoder / "config.json", model_type="brought", auto_map={"AutoConfig": "brought.Config"})
    ran = mctl("finetune", "--trust-remote-code", cwd=copy_of_sample)
    assert ran.code == 70, "an error in code that the user allowed to run keeps its traceback"
    assert "AttributeError" in ran.err
    assert "Config" in ran.err
    assert trace.exists()
