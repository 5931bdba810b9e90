"""Paths that hold something else than what a command takes: what is there is said, and which command takes it."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

import pytest
from models import small_model
from refusal import Refused

ARTIFACT = {
    "export": ("export",),
    "validate": ("validate",),
    "inspect": ("inspect",),
    "predict": ("predict", "text", "--artifact"),
    "bench": ("bench",),
    "report": ("report",),
}
MODEL = {
    "finetune": ("finetune", "--data", "news.csv", "--model"),
    "compress": ("compress", "--data", "news.csv", "--teacher"),
}


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with what users have lying about."""
    small_model("bert", layers=1).save_pretrained(tmp_path / "transformers")
    for name in ("onnx", "adapter", "empty", "many/teacher", "pickled"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "model.onnx").write_bytes(b"onnx")
    (tmp_path / "onnx" / "model.onnx").write_bytes(b"onnx")
    (tmp_path / "adapter" / "adapter_config.json").write_text("{}")
    (tmp_path / "many" / "teacher" / "manifest.json").write_text("{}")
    (tmp_path / "pickled" / "config.json").write_text(json.dumps({"model_type": "bert"}))
    (tmp_path / "pickled" / "pytorch_model.bin").write_bytes(b"pickle")
    (tmp_path / "news.csv").write_text("text,label\n" + "".join(f"t {n},{n % 2}\n" for n in range(40)))
    return tmp_path


@pytest.mark.parametrize("command", ARTIFACT)
@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("transformers", ["Transformers model (bert)", "mctl compress --teacher", "mctl finetune --model"]),
        ("model.onnx", ["ONNX file", "PyTorch model", "mctl export"]),
        ("onnx", ["ONNX file", "PyTorch model", "mctl export"]),
        ("adapter", ["adapter of PEFT", "merge_and_unload"]),
        ("transformers/model.safetensors", ["file of weights", "Name the folder"]),
        ("transformers/config.json", ["Name the folder"]),
        ("pickled", ["not in safetensors"]),
        ("news.csv", ["data file", "--data"]),
        ("many", ["holds artifacts", "teacher"]),
        ("empty", ["empty"]),
        ("transformer", ["no such file or folder", "Did you mean transformers?"]),
        ("nowhere/at/all", ["no such file or folder"]),
    ],
)
def test_where_an_artifact_is_wanted(here: Path, refused: Refused, command: str, path: str, words: list[str]) -> None:
    refused(*ARTIFACT[command], path, cwd=here, words=["no artifact here", *words])


@pytest.mark.parametrize("command", MODEL)
@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("model.onnx", ["ONNX file", "PyTorch model"]),
        ("onnx", ["ONNX file", "config.json is missing"]),
        ("adapter", ["adapter of PEFT", "merge_and_unload"]),
        ("transformers/model.safetensors", ["file of weights", "Name the folder"]),
        ("news.csv", ["data file", "--data"]),
        ("many", ["holds artifacts", "teacher"]),
        ("empty", ["empty"]),
    ],
)
def test_where_a_model_is_wanted(here: Path, refused: Refused, command: str, path: str, words: list[str]) -> None:
    refused(*MODEL[command], path, cwd=here, words=words)


@pytest.mark.parametrize("command", MODEL)
@pytest.mark.parametrize(
    "path", ["./nowhere", "transformers/nothing", "a/b/c", "nothing.onnx", "/nowhere", "~/nowhere"]
)
def test_a_path_that_does_not_exist_is_no_matter_of_the_hub(
    here: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch, command: str, path: str
) -> None:
    def asked(*_: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", asked)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    before = time.monotonic()
    message = refused(*MODEL[command], path, cwd=here, words=["no such file or folder"])
    assert "hub" not in message
    assert time.monotonic() - before < 10


@pytest.mark.parametrize("command", MODEL)
def test_a_name_that_may_be_one_of_the_hub_is_said_to_be_neither(here: Path, refused: Refused, command: str) -> None:
    words = ["nobody/nothing", "no folder of this name here", "the hub does not answer", "Give a folder"]
    refused(*MODEL[command], "nobody/nothing", cwd=here, words=words)


def test_a_file_of_a_model_is_no_text_to_label(here: Path, refused: Refused) -> None:
    for texts in (["onnx/model.onnx"], ["onnx/model.onnx", "पाऊस"]):
        refused("predict", *texts, cwd=here, words=["onnx/model.onnx: this is a model", "--artifact onnx"])
