"""The chain from end to end on the sample, through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from command import mctl
from transformers import AutoModelForSequenceClassification, AutoTokenizer

ARTIFACTS = ("teacher", "prune25-distill", "prune25-distill-fp16")


def manifest(folder: Path, name: str) -> dict[str, object]:
    return json.loads((folder / "artifacts" / name / "manifest.json").read_text())


def test_every_stage_left_its_artifact_and_no_other_file(chain: Path) -> None:
    assert sorted(path.name for path in (chain / "artifacts").iterdir()) == sorted(ARTIFACTS)
    kinds = [manifest(chain, name)["kind"] for name in ARTIFACTS]
    assert kinds == ["teacher", "compressed", "export"]


def test_the_prune_level_is_physically_gone(chain: Path) -> None:
    facts = manifest(chain, "prune25-distill")["facts"]
    before, after = facts["before"]["parameters"], facts["parameters"]
    gone = 100 * (1 - after["encoder_weights"] / before["encoder_weights"])
    assert abs(gone - 25) <= 0.5
    assert after["total"] == before["total"] - (before["encoder"] - after["encoder"])
    assert facts["pruning"]["strip_max_abs_logit_diff"] <= 1e-5


def test_teacher_has_learnt_and_compressed_has_not_forgotten(chain: Path) -> None:
    teacher = manifest(chain, "teacher")["facts"]["metrics"]["test"]
    compressed = manifest(chain, "prune25-distill")["facts"]["metrics"]["test"]
    assert teacher["accuracy"] > 0.4, "chance is 1 in 7"
    assert compressed["accuracy"] > teacher["accuracy"] - 0.15


def test_compressed_reloads_by_auto_class_and_agrees_with_its_export(chain: Path) -> None:
    folder = chain / "artifacts" / "prune25-distill"
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    texts = ["मुंबईत आज जोरदार पाऊस", "क्रिकेट सामन्यात भारताचा विजय", "शेअर बाजारात मोठी घसरण"]
    encoded = tokenizer(texts, padding=True, return_tensors="pt", truncation=True, max_length=16)
    with torch.no_grad():
        expected = model(**encoded).logits.numpy()
    session = onnxruntime.InferenceSession(chain / "artifacts" / "prune25-distill-fp16" / "model.onnx")
    names = [node.name for node in session.get_inputs()]
    assert names == ["input_ids", "token_type_ids", "attention_mask"] or set(names) <= set(encoded)
    assert [node.name for node in session.get_outputs()] == ["logits"]
    (actual,) = session.run(["logits"], {name: encoded[name].numpy() for name in names})
    assert actual.dtype == np.float32
    assert np.abs(actual - expected).max() < 0.05
    assert (actual.argmax(1) == expected.argmax(1)).all()


def test_fp16_is_half_the_size(chain: Path) -> None:
    facts = manifest(chain, "prune25-distill-fp16")["facts"]
    assert facts["bytes"] / facts["fp32_bytes"] <= 0.51


def test_validation_has_every_group_and_figures_of_all_three_models(chain: Path) -> None:
    result = json.loads((chain / "artifacts" / "prune25-distill-fp16" / "validation.json").read_text())
    assert result["verdict"] == "pass"
    assert {check["group"] for check in result["checks"]} == {
        "integrity",
        "parity",
        "accuracy",
        "latency",
        "emissions",
    }
    assert set(result["participants"]) == {"export", "source", "baseline"}
    for member in result["participants"].values():
        assert member["latency"]["p50_ms"] <= member["latency"]["p90_ms"] <= member["latency"]["p95_ms"]
        assert 0 <= member["accuracy"] <= 1
        energy = member["emissions"]
        assert energy["source"] in {"measured", "estimated"}
        assert {"cpu", "ram"} <= set(energy["sources"])
        assert energy["kwh_low"] <= energy["kwh_per_1000_texts"] <= energy["kwh_high"]


def test_running_again_does_nothing_but_validate(copy_of_chain: Path) -> None:
    before = {name: manifest(copy_of_chain, name) for name in ARTIFACTS}
    ran = mctl("run", cwd=copy_of_chain)
    assert ran.code == 0, ran.err
    assert ran.err.count("is up to date") == 3
    assert ran.err.count("data: news.csv: 7 classes") == 1, "teacher, student, export and verdict have the same data"
    assert {name: manifest(copy_of_chain, name) for name in ARTIFACTS} == before


def test_a_changed_setting_remakes_what_depends_on_it_and_nothing_else(copy_of_chain: Path) -> None:
    teacher = manifest(copy_of_chain, "teacher")
    ran = mctl("export", "--fp32", cwd=copy_of_chain)
    assert ran.code == 0, ran.err
    assert ran.out.strip() == "artifacts/prune25-distill-fp32"
    assert "prune25-distill, the newest there is" in ran.err
    assert manifest(copy_of_chain, "teacher") == teacher


def test_the_gate_fails_with_exit_code_1(copy_of_chain: Path) -> None:
    ran = mctl("validate", "--min-speedup", "1000", "--no-emissions", "--json", cwd=copy_of_chain)
    assert ran.code == 1, ran.err
    result = json.loads(ran.out)
    assert result["verdict"] == "fail"
    assert [check["name"] for check in result["checks"] if check["verdict"] == "fail"] == ["speedup"]


def test_a_teacher_fine_tuned_elsewhere_can_be_compressed(copy_of_chain: Path) -> None:
    """A folder as transformers writes it, without a manifest."""
    teacher = copy_of_chain / "elsewhere"
    model = AutoModelForSequenceClassification.from_pretrained(copy_of_chain / "artifacts" / "teacher")
    model.save_pretrained(teacher)
    AutoTokenizer.from_pretrained(copy_of_chain / "artifacts" / "teacher").save_pretrained(teacher)
    (copy_of_chain / "mctl.toml").unlink()
    ran = mctl(
        *("compress", "--teacher", teacher, "--data", "news.csv", "--prune", 50, "--artifacts", "other"),
        *("--ramp-epochs", 1, "--recovery-epochs", 0, "--max-length", 16),
        cwd=copy_of_chain,
    )
    assert ran.code == 0, ran.err
    assert ran.out.strip() == "other/prune50"
    facts = json.loads((copy_of_chain / "other" / "prune50" / "manifest.json").read_text())["facts"]
    assert abs(facts["pruning"]["removed_percent"] - 50) <= 0.5


def test_square_blocks_say_how_much_the_strip_could_remove(copy_of_chain: Path) -> None:
    ran = mctl(
        *("compress", "--structure", "blocks", "--block", 32, "--prune", 60, "--ramp-epochs", 1),
        *("--recovery-epochs", 0, "--no-distill"),
        cwd=copy_of_chain,
    )
    assert ran.code == 0, ran.err
    facts = json.loads((copy_of_chain / "artifacts" / "prune60-blocks32" / "manifest.json").read_text())["facts"]
    pruning = facts["pruning"]
    assert abs(pruning["masked_percent"] - 60) <= 0.5
    assert pruning["removed_percent"] < pruning["masked_percent"]
    assert f"{pruning['removed_percent']:.2f} % of the encoder's weights are gone" in ran.err
    assert f"{pruning['masked_percent']:.2f} % were masked" in ran.err


def test_the_teacher_itself_can_be_exported_and_judged(copy_of_chain: Path) -> None:
    exported = mctl("export", "artifacts/teacher", "--fp32", cwd=copy_of_chain)
    assert exported.code == 0, exported.err
    ran = mctl("validate", "artifacts/teacher-fp32", "--no-emissions", "--json", cwd=copy_of_chain)
    assert ran.code == 0, ran.err
    result = json.loads(ran.out)
    members = result["participants"]
    assert members["source"]["name"] == members["baseline"]["name"] == "teacher"
    assert members["source"]["latency"] == members["baseline"]["latency"]
    parity = result["comparison"]["parity"]
    assert parity["label_agreement"] == 1.0
    assert parity["max_abs_logit_diff"] <= 1e-4


def test_the_form_of_the_graph_follows_the_provider_it_is_for(copy_of_chain: Path) -> None:
    assert manifest(copy_of_chain, "prune25-distill-fp16")["facts"]["graph"]["form"] == "fused"
    layers = len(manifest(copy_of_chain, "prune25-distill")["facts"]["layout"]["heads"])
    made = {}
    for flags in ((), ("--provider", "cuda"), ("--graph", "fused"), ("--graph", "attention")):
        ran = mctl("export", "artifacts/prune25-distill", "--fp32", *flags, cwd=copy_of_chain)
        assert ran.code == 0, ran.err
        made[Path(ran.out.strip()).name] = ran
    suffixes = ("fp32", "fp32-cuda", "fp32-fused", "fp32-attention")
    assert list(made) == [f"prune25-distill-{suffix}" for suffix in suffixes]
    facts = [manifest(copy_of_chain, name)["facts"] for name in made]
    assert [(fact["provider"], fact["graph"]["form"]) for fact in facts] == [
        ("cpu", "plain"),
        ("cuda", "fused"),
        ("cpu", "fused"),
        ("cpu", "attention"),
    ]
    assert facts[1]["graph"]["fusions"]["Attention"] == layers
    for name in list(made)[1:]:
        ran = mctl("validate", f"artifacts/{name}", "--no-emissions", "--repeats", 2, "--json", cwd=copy_of_chain)
        assert ran.code == 0, ran.err
        assert json.loads(ran.out)["comparison"]["parity"]["max_abs_logit_diff"] <= 1e-4
        fusion = [check for check in json.loads(ran.out)["checks"] if check["name"] == "fusion"]
        assert [check["verdict"] for check in fusion] == ["pass"]
