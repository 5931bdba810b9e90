"""Teachers that were trained elsewhere: accuracy on texts that they may have seen is not judged."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from command import Ran, mctl

from mctl.samples import headlines, write_csv

FIXTURE = Path(__file__).resolve().parents[1] / "fixtures" / "0.1.0"
ACCURACY = {"accuracy_drop", "macro_f1_drop", "class_f1_drop", "length_accuracy_drop"}
# Nothing is trained: the vocabulary is trimmed.
ADOPT = ("--data", "news.csv", "--prune", 0, "--trim-vocab", "--artifacts", "adopted", "--max-length", 16)
JUDGE = ("--no-emissions", "--repeats", "2", "--json", "--artifacts", "adopted")


@pytest.fixture
def place(copy_of_chain: Path) -> Path:
    """The chain without a recipe, and its teacher as a folder of transformers: `theirs`, without a manifest."""
    (copy_of_chain / "mctl.toml").unlink()
    shutil.copytree(copy_of_chain / "artifacts" / "teacher", copy_of_chain / "theirs")
    (copy_of_chain / "theirs" / "manifest.json").unlink()
    return copy_of_chain


def adopted(place: Path, teacher: str) -> Ran:
    """Compressed and exported in the folder `adopted`; what `compress` said."""
    ran = mctl("compress", "--teacher", teacher, *ADOPT, cwd=place)
    assert ran.code == 0, ran.err
    exported = mctl("export", ran.out.strip(), "--fp32", cwd=place)
    assert exported.code == 0, exported.err
    return ran


def judged(place: Path, *flags: str) -> tuple[int, dict[str, Any]]:
    ran = mctl("validate", *JUDGE, *flags, cwd=place)
    assert ran.out, ran.err
    return ran.code, {check["name"]: check for check in json.loads(ran.out)["checks"]}


def test_a_teacher_from_elsewhere_is_not_judged_on_texts_it_may_have_seen(place: Path) -> None:
    said = adopted(place, "theirs").err
    assert said.count("teacher was made elsewhere. mctl cannot know") == 1
    assert "--test FILE" in said and "--data FILE --unseen-data" in said

    for flags in ((), ("--unseen-data",)):  # A user cannot vouch for rows that were cut off the training file.
        code, checks = judged(place, *flags)
        assert code == 3
        assert {name: checks[name]["verdict"] for name in ACCURACY} == dict.fromkeys(ACCURACY, "inconclusive")
        for name in (*ACCURACY, "data"):
            assert "teacher was made elsewhere" in checks[name]["why"]
            assert "--data FILE --unseen-data" in checks[name]["why"]
        assert checks["data"]["verdict"] == "inconclusive"
        assert checks["label_agreement"]["verdict"] == checks["max_logit_diff"]["verdict"] == "pass"
        assert ("does not help here" in checks["data"]["why"]) == bool(flags)

    write_csv(place / "unseen.csv", [(f"आता {text}", label) for text, label in headlines(99, 400)])
    code, checks = judged(place, "--data", "unseen.csv")
    assert (code, checks["accuracy_drop"]["verdict"]) == (3, "inconclusive")
    code, checks = judged(place, "--data", "unseen.csv", "--unseen-data", "--max-accuracy-drop", "100")
    assert checks["accuracy_drop"]["verdict"] == "pass"
    assert checks["data"]["verdict"] == "info"


def test_a_teacher_that_mctl_trained_on_the_same_data_keeps_that_in_another_folder(place: Path) -> None:
    said = adopted(place, "artifacts/teacher").err
    assert "made elsewhere" not in said
    facts, data = manifest(place / "adopted" / "teacher")
    assert facts["trained_on"] == data["sha256"]
    _, checks = judged(place, "--max-accuracy-drop", "100")
    assert checks["data"]["verdict"] == checks["accuracy_drop"]["verdict"] == "pass"


def test_a_teacher_artifact_that_was_trained_further_does_not(place: Path) -> None:
    weights = place / "artifacts" / "teacher" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert "made elsewhere" in adopted(place, "artifacts/teacher").err
    assert "trained_on" not in manifest(place / "adopted" / "teacher")[0]


def test_a_teacher_that_0_1_0_adopted_was_made_elsewhere(tmp_path: Path) -> None:
    shutil.copytree(FIXTURE, tmp_path / "old")
    ran = mctl("export", "adopted/teacher", "--fp32", cwd=tmp_path / "old")
    assert ran.code == 0, ran.err
    code, checks = judged(tmp_path / "old")
    assert code == 3
    assert "teacher was made elsewhere" in checks["accuracy_drop"]["why"]


def test_a_classifier_that_is_fine_tuned_again_has_seen_the_labels(copy_of_sample: Path, chain: Path) -> None:
    shutil.copytree(chain / "artifacts" / "teacher", copy_of_sample / "theirs")
    (copy_of_sample / "theirs" / "manifest.json").unlink()
    ran = mctl("finetune", "--model", "theirs", "--epochs", 1, cwd=copy_of_sample)
    assert ran.code == 0, ran.err
    assert "fine-tuned from a classifier, theirs" in ran.err
    assert manifest(copy_of_sample / "artifacts" / "teacher")[0]["started_from_classifier"] == "theirs"
    plain, _ = manifest(chain / "artifacts" / "teacher")
    assert "started_from_classifier" not in plain


def manifest(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Facts and data."""
    content = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return content["facts"], content["data"]
