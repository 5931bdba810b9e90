"""Verdicts through the command line: what cannot be decided, and what stands in the result as evidence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command import mctl

TEACHER = "artifacts/teacher-fp32"
UNDECIDED = ("validate", TEACHER, "--max-accuracy-drop", "1", "--no-emissions", "--repeats", "2")


@pytest.fixture
def exported(copy_of_chain: Path) -> Path:
    """The chain with an fp32 export of the teacher, which differs from its baseline in nothing."""
    ran = mctl("export", "artifacts/teacher", "--fp32", cwd=copy_of_chain)
    assert ran.code == 0, ran.err
    return copy_of_chain


@pytest.mark.parametrize(("flag", "code"), [((), 3), (("pass",), 0), (("fail",), 1), (("inconclusive",), 3)])
def test_few_texts_show_no_loss_and_prove_none(exported: Path, flag: tuple[str, ...], code: int) -> None:
    option = ("--on-inconclusive", *flag) if flag else ()
    ran = mctl(*UNDECIDED, *option, "--json", cwd=exported)
    assert ran.code == code, ran.err
    result = json.loads(ran.out)
    assert result["verdict"] == "inconclusive"
    checks = {check["name"]: check for check in result["checks"]}
    assert checks["accuracy_drop"]["verdict"] == "inconclusive"
    assert checks["accuracy_drop"]["figure"] == 0.0
    assert "these texts cannot tell, about" in checks["accuracy_drop"]["why"]
    assert result["comparison"]["flips"] == []


def test_a_teacher_that_has_learnt_nothing_is_no_measure(copy_of_sample: Path) -> None:
    trained = mctl("finetune", "--epochs", "1", "--learning-rate", "1e-9", "--quiet", cwd=copy_of_sample)
    assert trained.code == 0, trained.err
    assert mctl("export", "artifacts/teacher", "--fp32", "--quiet", cwd=copy_of_sample).code == 0
    # With these limits everything else passes.
    limits = [part for name in ("accuracy", "macro-f1", "slice") for part in (f"--max-{name}-drop", "100")]
    ran = mctl("validate", TEACHER, *limits, "--no-emissions", "--repeats", "2", "--json", cwd=copy_of_sample)
    assert ran.code == 3, ran.err
    result = json.loads(ran.out)
    checks = {check["name"]: check for check in result["checks"]}
    undecided = {"accuracy_drop", "macro_f1_drop", "class_f1_drop", "length_accuracy_drop"}
    assert {name for name, check in checks.items() if check["verdict"] == "inconclusive"} == undecided
    assert "is not shown to be right more often than always" in result["reason"]
    assert "not judged, since their F1 was 0 before: " in checks["class_f1_drop"]["why"]
    assert any(note.startswith("The baseline has no text of these classes right") for note in result["notes"])
    assert any(note.endswith("Train it longer or with other settings.") for note in result["notes"])


def test_every_flipped_text_is_in_the_result(copy_of_chain: Path) -> None:
    ran = mctl("validate", "artifacts/prune25-distill-fp16", "--no-emissions", "--json", cwd=copy_of_chain)
    assert ran.code == 0, ran.err
    result = json.loads(ran.out)
    flips, accuracy = result["comparison"]["flips"], result["comparison"]["accuracy"]
    rows = (copy_of_chain / "news.csv").read_text(encoding="utf-8")
    assert all(flip["text"] in rows and flip["before"] != flip["after"] for flip in flips)
    assert sum(flip["before"] == flip["label"] for flip in flips) == accuracy["flipped_to_wrong"]
    assert sum(flip["after"] == flip["label"] for flip in flips) == accuracy["flipped_to_right"]
    assert flips, "the sample's student differs from its teacher on some texts"
    for role in ("baseline", "source", "export"):
        confusion = result["participants"][role]["confusion"]
        assert len(confusion) == len(result["classes"])
        assert sum(map(sum, confusion)) == accuracy["texts"]
        right = sum(confusion[index][index] for index in range(len(confusion)))
        assert right / accuracy["texts"] == pytest.approx(result["participants"][role]["accuracy"])
    slices = result["comparison"]["slices"]
    assert {part["kind"] for part in slices} == {"class", "length"}
    assert len(result["comparison"]["worst_texts"]) == 10


def test_parts_are_judged_by_the_limit_that_is_given(copy_of_chain: Path) -> None:
    settings = ("--max-slice-drop", "0", "--max-accuracy-drop", "100", "--no-emissions", "--json")
    ran = mctl("validate", "artifacts/prune25-distill-fp16", *settings, cwd=copy_of_chain)
    slices = json.loads(ran.out)["comparison"]["slices"]
    lost = [part for part in slices if part["before"] > part["after"]]
    broken = any(part["adjusted_p"] <= 0.05 for part in lost)
    doubtful = any(part["p"] <= 0.05 for part in lost)
    assert ran.code == (1 if broken else 3 if doubtful else 0)


def test_a_word_that_is_no_verdict(exported: Path) -> None:
    ran = mctl(*UNDECIDED, "--on-inconclusive", "perhaps", cwd=exported)
    assert ran.code == 2
    assert "perhaps" in ran.err and "Traceback" not in ran.err
