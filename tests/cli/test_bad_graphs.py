"""Exports whose ONNX file is wrong although its manifest vouches for every byte: made wrong, not damaged later."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from command import mctl
from onnx import helper, numpy_helper
from refusal import Refused, complaint
from reseal import reseal

EXPORT = Path("artifacts/prune25-distill-fp16")


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def nan_weight(path: Path) -> None:
    model = onnx.load(path)
    largest = max(model.graph.initializer, key=lambda tensor: len(tensor.raw_data))
    values = numpy_helper.to_array(largest).copy()
    values.flat[-1] = np.nan
    largest.CopyFrom(numpy_helper.from_array(values, largest.name))
    onnx.save(model, path)


def unknown_operator(path: Path) -> None:
    model = onnx.load(path)
    next(node for node in model.graph.node if node.op_type == "Tanh").op_type = "Tanhh"
    onnx.save(model, path)


def unknown_opset(path: Path) -> None:
    model = onnx.load(path)
    next(entry for entry in model.opset_import if entry.domain == "").version = 999
    onnx.save(model, path)


def external_data_missing(path: Path) -> None:
    model = onnx.load(path)
    onnx.save(model, path, save_as_external_data=True, location="gone.data", size_threshold=0)
    path.with_name("gone.data").unlink()


def output_renamed(path: Path) -> None:
    model = onnx.load(path)
    name = model.graph.output[0].name
    model.graph.node.append(helper.make_node("Identity", [name], ["scores"]))
    model.graph.output[0].name = "scores"
    onnx.save(model, path)


HARMS = {
    cut_short: "cannot be read as ONNX",
    nan_weight: "not finite",
    unknown_operator: "Tanhh",
    unknown_opset: "opset",
    external_data_missing: "gone.data",
    output_renamed: "scores",
}


@pytest.mark.parametrize("harm", HARMS, ids=lambda harm: harm.__name__)
def test_validate_fails_and_says_why(copy_of_chain: Path, harm: Callable[[Path], None]) -> None:
    harm(copy_of_chain / EXPORT / "model.onnx")
    reseal(copy_of_chain / EXPORT)
    ran = mctl("validate", EXPORT, "--no-emissions", "--json", cwd=copy_of_chain)
    assert ran.code == 1, ran.err
    assert "Traceback" not in ran.err
    result = json.loads(ran.out)
    assert result["verdict"] == "fail"
    failed = [check for check in result["checks"] if check["verdict"] == "fail"]
    assert {check["group"] for check in failed} == {"integrity"}
    assert any(HARMS[harm] in check["why"] for check in failed), failed


@pytest.mark.parametrize(
    "harm", [cut_short, unknown_operator, unknown_opset, external_data_missing], ids=lambda harm: harm.__name__
)
@pytest.mark.parametrize("command", ["predict", "bench"])
def test_what_does_not_load_is_refused(copy_of_chain: Path, command: str, harm: Callable[[Path], None]) -> None:
    harm(copy_of_chain / EXPORT / "model.onnx")
    reseal(copy_of_chain / EXPORT)
    arguments = {
        "predict": ("predict", "पाऊस", "--artifact", EXPORT),
        "bench": ("bench", EXPORT, "--batch", 1, "--length", 8, "--no-memory", "--no-energy", "--no-torch"),
    }
    ran = mctl(*arguments[command], cwd=copy_of_chain)
    assert ran.code == 2, ran
    message = complaint(ran.err)
    assert "model.onnx" in message and (HARMS[harm] in message or "cut short" in message)


def test_a_provider_that_is_not_there(copy_of_chain: Path, refused: Refused) -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    words = ["--provider", "GPU", "mctl doctor"]
    flags = ("--provider", "cuda")
    refused("validate", EXPORT, *flags, cwd=copy_of_chain, words=words, error_report=str(EXPORT), provider="cuda")
