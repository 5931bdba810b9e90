"""Lower precisions through the command line: what they keep in fp32, say of it, and remember."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from command import mctl
from onnx import TensorProto
from reseal import reseal
from safetensors.torch import load_file, save_file

EXPORT, SOURCE = "prune25-distill-int8", "artifacts/prune25-distill"


def conversion(folder: Path, name: str) -> dict[str, object]:
    return json.loads((folder / "artifacts" / name / "manifest.json").read_text())["facts"]["conversion"]


def keep(folder: Path, names: list[str]) -> None:
    settings = folder / "mctl.toml"
    text = settings.read_text(encoding="utf-8")
    assert text.count("[export]\n") == 1
    settings.write_text(text.replace("[export]\n", f"[export]\nkeep_fp32 = {json.dumps(names)}\n"), encoding="utf-8")


def test_int8_from_export_to_verdict(copy_of_chain: Path) -> None:
    ran = mctl("export", SOURCE, "--int8", cwd=copy_of_chain)
    assert ran.code == 0, ran.err
    assert ran.out.strip() == f"artifacts/{EXPORT}"
    assert "equal labels on" in ran.err and "dev texts" in ran.err
    facts = json.loads((copy_of_chain / "artifacts" / EXPORT / "manifest.json").read_text())["facts"]
    assert (facts["precision"], facts["provider"], facts["graph"]["form"]) == ("int8", "cpu", "plain")
    assert facts["bytes"] / facts["fp32_bytes"] <= 0.3
    kept = [node["name"] for node in facts["conversion"]["kept_fp32"]]
    assert all(f"stays in fp32: {name}" in ran.err for name in kept)
    assert sorted(path.name for path in (copy_of_chain / "artifacts" / EXPORT).glob("*.onnx*")) == ["model.onnx"]
    checked = mctl("validate", f"artifacts/{EXPORT}", "--no-emissions", "--json", cwd=copy_of_chain)
    assert checked.code == 0, checked.err
    checks = {check["name"]: check for check in json.loads(checked.out)["checks"]}
    assert checks["label_agreement"]["threshold"] == 0.99
    assert checks["label_agreement"]["figure"] >= 0.99
    again = mctl("export", SOURCE, "--int8", cwd=copy_of_chain)
    assert again.code == 0 and "equal labels" not in again.err


def test_static_int8_has_a_verdict_and_a_name_of_its_own(copy_of_chain: Path) -> None:
    ran = mctl("export", SOURCE, "--int8", "--quantization", "static", cwd=copy_of_chain)
    assert ran.code == 0, ran.err
    assert ran.out.strip() == f"artifacts/{EXPORT}-static"
    assert conversion(copy_of_chain, f"{EXPORT}-static")["calibrated"] > 10
    checked = mctl("validate", ran.out.strip(), "--no-emissions", cwd=copy_of_chain)
    assert checked.code == 0, checked.err


def test_nodes_named_in_the_settings_are_kept_without_a_search(copy_of_chain: Path) -> None:
    names = ["bert.encoder.layer.0.output.dense/MatMul", "bert.embeddings.word_embeddings/Gather"]
    keep(copy_of_chain, names)
    ran = mctl("export", SOURCE, "--int8", cwd=copy_of_chain)
    assert ran.code == 0, ran.err
    assert "equal labels" not in ran.err
    assert conversion(copy_of_chain, EXPORT)["kept_fp32"] == [{"name": name} for name in names]
    graph = onnx.load(copy_of_chain / "artifacts" / EXPORT / "model.onnx").graph
    large = [tensor for tensor in graph.initializer if np.prod(tensor.dims) > 10_000]
    assert [tensor.data_type for tensor in large].count(TensorProto.FLOAT) == 2


def test_a_gate_that_no_rounding_satisfies(copy_of_chain: Path) -> None:
    settings = copy_of_chain / "mctl.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("[gate]\n", "[gate]\nmax_logit_diff = 1e-9\n"), encoding="utf-8")
    ran = mctl("export", SOURCE, "--int8", cwd=copy_of_chain)
    assert ran.code == 2
    assert "not one node can be int8" in ran.err and "max_logit_diff" in ran.err and "Traceback" not in ran.err
    assert not (copy_of_chain / "artifacts" / EXPORT).exists()


def test_a_node_that_is_not_there(copy_of_chain: Path) -> None:
    keep(copy_of_chain, ["bert.encoder.layer.99/MatMul"])
    ran = mctl("export", SOURCE, "--int8", cwd=copy_of_chain)
    assert ran.code == 2
    assert "bert.encoder.layer.99/MatMul" in ran.err and "Traceback" not in ran.err
    assert not (copy_of_chain / "artifacts" / EXPORT).exists()


def test_without_the_data_parity_is_left_to_validate(copy_of_chain: Path) -> None:
    (copy_of_chain / "news.csv").unlink()
    ran = mctl("export", SOURCE, "--int8", cwd=copy_of_chain)
    assert ran.code == 0, ran.err
    assert "parity is left to `mctl validate`" in ran.err
    assert conversion(copy_of_chain, EXPORT)["kept_fp32"] == []


def plant_overflow(artifact: Path) -> None:
    """One FFN row of some 60,000 is for many texts more than fp16 holds; the next matrix makes it small again.

    The manifest vouches for the new weights: a damaged artifact is another matter.
    """
    weights = artifact / "model.safetensors"
    tensors = load_file(weights)
    tensors["bert.encoder.layer.1.intermediate.dense.bias"][3] = 6e4
    tensors["bert.encoder.layer.1.intermediate.dense.weight"][3] *= 1e5
    tensors["bert.encoder.layer.1.output.dense.weight"][:, 3] *= 1e-5
    save_file(tensors, weights, metadata={"format": "pt"})
    reseal(artifact)


@pytest.mark.parametrize("graph", ["plain", "fused"])
def test_an_overflow_of_fp16_is_found_named_and_kept_in_fp32(copy_of_chain: Path, graph: str) -> None:
    plant_overflow(copy_of_chain / SOURCE)
    ran = mctl("export", SOURCE, "--fp16", "--graph", graph, "--artifacts", "other", cwd=copy_of_chain)
    assert ran.code == 0, ran.err
    assert "texts with logits that are not finite" in ran.err
    made = copy_of_chain / ran.out.strip()
    kept = json.loads((made / "manifest.json").read_text())["facts"]["conversion"]["kept_fp32"]
    assert 1 <= len(kept) <= 6
    assert any(node["name"].startswith("bert.encoder.layer.1.") for node in kept)
    assert all(f"stays in fp32: {node['name']}" in ran.err for node in kept)
    (most,) = map(int, re.findall(r"looking for the nodes that have to stay in fp32, in at most (\d+) tries", ran.err))
    final = re.findall(
        r"fp16: (\S+) % equal labels on 42 dev texts, .*, with (\d+) of \d+ nodes in fp32, after (\d+)", ran.err
    )
    ((agreement, in_fp32, tries),) = final
    assert (float(agreement), int(in_fp32)) == (100.0, len(kept))
    assert int(tries) <= most


def test_validate_sees_on_a_cpu_what_overflows_on_a_gpu(copy_of_chain: Path) -> None:
    plant_overflow(copy_of_chain / SOURCE)
    keep(copy_of_chain, ["bert.pooler/Gather"])
    ran = mctl("export", SOURCE, "--fp16", "--graph", "plain", cwd=copy_of_chain)
    assert ran.code == 0, ran.err
    checked = mctl("validate", ran.out.strip(), "--no-emissions", "--json", cwd=copy_of_chain)
    assert checked.code == 1, checked.err
    checks = {check["name"]: check for check in json.loads(checked.out)["checks"]}
    assert checks["non_finite_texts"]["verdict"] == "fail"
    assert checks["non_finite_texts"]["figure"] > 0
