"""`mctl validate --against`: the verdict file of the last release is what the next one is compared with."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command import Ran, mctl

from mctl.data import DataSettings
from mctl.pipeline.dataset import load_stage_data
from mctl.progress import Silent

EXPORT = "artifacts/prune25-distill-fp16"


@pytest.fixture
def released(copy_of_chain: Path) -> Path:
    """The chain, its verdict put aside as that of a release. How fast it was is left to another test."""
    (copy_of_chain / "release.json").write_bytes((copy_of_chain / EXPORT / "validation.json").read_bytes())
    settings = copy_of_chain / "mctl.toml"
    settings.write_text(settings.read_text().replace("[gate]", "[gate]\nmax_slowdown = 1000"))
    return copy_of_chain


def change(folder: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    path = folder / "release.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    edit(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def judge(folder: Path, *flags: str) -> Ran:
    command = ("validate", EXPORT, "--against", "release.json", "--no-emissions", "--repeats", "2", "--json")
    return mctl(*command, *flags, cwd=folder)


def verdicts(ran: Ran) -> dict[str, str]:
    checks = json.loads(ran.out)["checks"]
    return {check["name"]: check["verdict"] for check in checks if check["group"] == "release"}


def test_the_release_itself_is_no_worse_than_itself(released: Path) -> None:
    ran = judge(released)
    assert ran.code == 0, ran.err + ran.out
    names = ["texts", "accuracy_drop", "macro_f1_drop", "class_f1_drop", "growth", "slowdown"]
    assert {name: word for name, word in verdicts(ran).items() if word != "info"} == dict.fromkeys(names, "pass")
    assert {"worse", "parameters", "p50", "max_logit_diff", "own_verdict"} <= set(verdicts(ran))


def test_what_the_release_knew_and_this_one_does_not_is_a_loss(released: Path) -> None:
    def know_all(content: dict[str, Any]) -> None:
        data = load_stage_data(DataSettings(source=str(released / "news.csv")), Silent(), content["classes"])
        content["participants"]["export"]["predicted"] = data.splits["test"].labels.tolist()

    change(released, know_all)
    ran = judge(released, "--max-accuracy-drop", "1", "--max-macro-f1-drop", "100")
    assert ran.code in {1, 3}
    assert verdicts(ran)["accuracy_drop"] in {"fail", "inconclusive"}
    (loss,) = [
        check
        for check in json.loads(ran.out)["checks"]
        if (check["group"], check["name"]) == ("release", "accuracy_drop")
    ]
    own = json.loads(ran.out)["participants"]["export"]["accuracy"]
    assert loss["figure"] == pytest.approx(100 * (1 - own))


def test_a_larger_file_and_other_texts_are_said(released: Path) -> None:
    change(released, lambda content: content["participants"]["export"].update(file_bytes=1000))
    assert verdicts(judge(released))["growth"] == "fail"
    change(released, lambda content: content["data"].update(sha256="0" * 64))
    found = verdicts(judge(released))
    assert found["texts"] == "inconclusive"
    assert "accuracy_drop" not in found


def test_a_release_that_stands_beside_its_verdict_is_timed_beside_the_export(released: Path) -> None:
    shutil.copytree(released / EXPORT, released / "last")
    command = ("validate", EXPORT, "--against", "last/validation.json", "--no-emissions", "--repeats", "2", "--json")
    ran = mctl(*command, cwd=released)
    assert ran.code == 0, ran.err + ran.out
    result = json.loads(ran.out)
    (slowdown,) = [check for check in result["checks"] if check["name"] == "slowdown"]
    assert "timed side by side" in slowdown["why"]
    assert set(result["comparison"]["latency_ms"]) == {"export", "source", "baseline"}
    assert set(result["participants"]) == {"export", "source", "baseline"}

    weights = bytearray((released / "last" / "model.onnx").read_bytes())
    weights[-9] ^= 1
    (released / "last" / "model.onnx").write_bytes(weights)
    ran = mctl(*command, cwd=released)
    assert ran.code == 2
    assert "the release is not what it was" in ran.err and "model.onnx" in ran.err


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"verdict": "pass"}', b"\xff"])
def test_a_file_that_is_no_verdict_is_refused(released: Path, content: bytes) -> None:
    (released / "release.json").write_bytes(content)
    ran = judge(released)
    assert ran.code == 2
    assert "release.json" in ran.err and "no result of" in ran.err and "Traceback" not in ran.err
