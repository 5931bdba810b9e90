"""What may be compressed, and what only looks like it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from command import mctl
from refusal import contents
from safetensors.torch import load_file, save_file

SHORT = ("--ramp-epochs", 1, "--recovery-epochs", 0)


def test_an_artifact_named_as_teacher_is_used_as_it_is(copy_of_chain: Path) -> None:
    (copy_of_chain / "mctl.toml").unlink()
    manifest = copy_of_chain / "artifacts" / "teacher" / "manifest.json"
    before = manifest.read_bytes()
    for _ in range(2):
        ran = mctl("compress", "--teacher", "artifacts/teacher", "--prune", 40, *SHORT, cwd=copy_of_chain)
        assert ran.code == 0, ran.err
    assert "artifacts/prune40 is up to date" in ran.err
    assert manifest.read_bytes() == before


def test_a_compressed_artifact_is_no_teacher(copy_of_chain: Path) -> None:
    before = (copy_of_chain / "artifacts" / "teacher" / "manifest.json").read_bytes()
    ran = mctl("compress", "--teacher", "artifacts/prune25-distill", "--prune", 40, cwd=copy_of_chain)
    assert ran.code == 2
    assert "compressed artifact, not a teacher" in ran.err
    assert (copy_of_chain / "artifacts" / "teacher" / "manifest.json").read_bytes() == before


def test_an_encoder_whose_weights_have_other_names_is_refused(copy_of_sample: Path) -> None:
    """As torch.compile and DataParallel leave them; transformers would train random weights."""
    weights = copy_of_sample / "encoder" / "model.safetensors"
    save_file({f"_orig_mod.{name}": value for name, value in load_file(weights).items()}, weights, {"format": "pt"})
    ran = mctl("finetune", cwd=copy_of_sample)
    assert ran.code == 2
    assert "encoder weights are missing" in ran.err
    assert not (copy_of_sample / "artifacts" / "teacher").exists()


def test_a_tokenizer_with_more_pieces_than_the_model_is_refused(copy_of_sample: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(copy_of_sample / "encoder")
    tokenizer.add_tokens(["नवीनशब्द"])
    tokenizer.save_pretrained(copy_of_sample / "encoder")
    ran = mctl("finetune", cwd=copy_of_sample)
    assert ran.code == 2
    assert "the tokenizer has ids up to" in ran.err


def test_the_verdict_names_the_data_it_was_reached_on(copy_of_chain: Path) -> None:
    from mctl.samples import headlines, write_csv

    # The templates of the sample give some headlines again, most of which are in the training split.
    given = (copy_of_chain / "news.csv").read_text(encoding="utf-8")
    seen = [row for row in headlines(99, 400) if row[0] in given]
    new = [row for row in headlines(99, 400) if row[0] not in given]
    assert seen and len(new) > 100
    for rows, verdict, word in (
        (new, "info", "no test text that they learnt"),
        (seen + new, "fail", "that the models were trained on"),
    ):
        write_csv(copy_of_chain / "holdout.csv", rows)
        ran = mctl("validate", "--data", "holdout.csv", "--no-emissions", "--json", cwd=copy_of_chain)
        result = json.loads(ran.out)
        assert result["data"]["source"] == "holdout.csv"
        (data,) = [check for check in result["checks"] if check["name"] == "data"]
        assert data["verdict"] == verdict and word in data["why"]


def test_an_export_goes_beside_its_source_unless_told_otherwise(copy_of_chain: Path) -> None:
    (copy_of_chain / "mctl.toml").unlink()
    elsewhere = copy_of_chain / "models"
    (copy_of_chain / "artifacts").rename(elsewhere)
    assert mctl("export", "models/teacher", "--fp32", cwd=copy_of_chain).out.strip() == "models/teacher-fp32"
    inside = mctl("export", ".", "--fp16", cwd=elsewhere / "teacher")
    assert inside.code == 0, inside.err
    assert (elsewhere / "teacher-fp16" / "manifest.json").is_file()
    told = mctl("export", "models/teacher", "--fp32", "--artifacts", "other", cwd=copy_of_chain)
    assert told.out.strip() == "other/teacher-fp32"
    assert "copy it there before validating" in told.err


def test_a_teacher_artifact_from_elsewhere_is_copied_beside_what_is_made_of_it(copy_of_chain: Path) -> None:
    (copy_of_chain / "mctl.toml").unlink()
    arguments = ("--teacher", "artifacts/teacher", "--data", "news.csv", "--artifacts", "other", "--max-length", 16)
    ran = mctl("compress", *arguments, "--prune", 40, *SHORT, cwd=copy_of_chain)
    assert ran.code == 0, ran.err
    assert {path.name for path in (copy_of_chain / "other").iterdir()} == {"teacher", "prune40"}
    again = mctl("compress", *arguments, "--prune", 40, *SHORT, cwd=copy_of_chain)
    assert again.err.count("is up to date") == 2


def weaken(weights: Path) -> None:
    """Make another model of it."""
    tensors = load_file(weights)
    save_file({name: 0.5 * value for name, value in tensors.items()}, weights, {"format": "pt"})


def test_a_teacher_from_elsewhere_does_not_replace_another_one(copy_of_chain: Path) -> None:
    (copy_of_chain / "mctl.toml").unlink()
    for name in ("theirs", "others"):
        shutil.copytree(copy_of_chain / "artifacts" / "teacher", copy_of_chain / name)
        (copy_of_chain / name / "manifest.json").unlink()
    weaken(copy_of_chain / "others" / "model.safetensors")
    data = ("--data", "news.csv", "--max-length", 16)
    small = ("--prune", 0, "--trim-vocab", "--no-distill", *data)
    before = contents(copy_of_chain)
    refused = mctl("compress", "--teacher", "theirs", *small, cwd=copy_of_chain)
    assert refused.code == 2
    assert "the teacher in artifacts/teacher was fine-tuned here" in " ".join(refused.err.split())
    assert "--artifacts DIR" in " ".join(refused.err.split())
    assert contents(copy_of_chain) == before

    (copy_of_chain / "artifacts" / "teacher" / "config.json").unlink()
    assert mctl("compress", "--teacher", "theirs", *small, cwd=copy_of_chain).code == 2, "damaged, and still its own"

    elsewhere = ("--artifacts", "adopted")
    made = mctl("compress", "--teacher", "theirs", *small, *elsewhere, cwd=copy_of_chain)
    assert made.code == 0, made.err
    refused = mctl("compress", "--teacher", "others", *small, *elsewhere, cwd=copy_of_chain)
    assert refused.code == 2
    assert "the teacher in adopted/teacher comes from theirs" in " ".join(refused.err.split())

    below = copy_of_chain / "below"
    shutil.copytree(copy_of_chain / "others", below / "theirs")
    same_name = ("--data", "../news.csv", *small[:-4], "--max-length", 16, "--artifacts", "../adopted")
    refused = mctl("compress", "--teacher", "theirs", *same_name, cwd=below)
    assert refused.code == 2, "another folder of the same name"

    weaken(copy_of_chain / "theirs" / "model.safetensors")
    refreshed = mctl("compress", "--teacher", copy_of_chain / "theirs", *small, *elsewhere, cwd=copy_of_chain)
    assert refreshed.code == 0, refreshed.err
    assert "adopted/teacher was made with other settings or inputs" in " ".join(refreshed.err.split())
