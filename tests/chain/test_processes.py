"""Two CPU processes at one training: what they make, that they keep step, and that a failure is told once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from command import Ran, finish, mctl
from safetensors.numpy import load_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

WATCHED = Path(__file__).parents[1] / "support" / "watched.py"
TRAINING = """
[{section}]
batch_size = {batch}
gradient_accumulation = {passes}
learning_rate = 1e-4
freeze_embeddings = false
"""
RECIPE = """
[model]
name = "encoder"
max_length = 16
[data]
source = "news.csv"
[measure]
batches = 1
repeats = 2
emissions = false
[gate]
max_accuracy_drop = 100
max_macro_f1_drop = 100
# After an epoch the teacher knows no more than which class is the most frequent.
on_inconclusive = "pass"
"""
ARTIFACTS = ("prune50-distill", "prune50-distill-fp32", "teacher")
EPOCHS = {
    "finetune": "epochs = 1\n",
    # Logits alone: the loss of hidden states is a ratio of sums over a batch, and not the mean of its parts' ratios.
    "compress": 'prune = 50\ndistill = ["logits"]\nramp_epochs = 1\nrecovery_epochs = 1\n',
}


def torchrun(folder: Path, *arguments: object, **environment: str) -> Ran:
    """mctl in two processes; their notes are in `folder / "notes"`."""
    notes = folder / "notes"
    notes.mkdir()
    program = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    process = subprocess.Popen(
        [*program, str(WATCHED), str(notes), *map(str, arguments)],
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        return finish(process)
    finally:
        process.terminate()  # Where it hangs: the launcher ends its processes when it is asked to end.


def prepare(sample: Path, folder: Path, batch: int, passes: int = 1) -> Path:
    """The sample without dropout, which no two processes share, and its recipe."""
    shutil.copytree(sample, folder)
    config = json.loads((folder / "encoder" / "config.json").read_text())
    config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (folder / "encoder" / "config.json").write_text(json.dumps(config))
    sections = [TRAINING.format(section=name, batch=batch, passes=passes) + more for name, more in EPOCHS.items()]
    (folder / "mctl.toml").write_text(RECIPE + "".join(sections))
    return folder


def notes(folder: Path, kind: str) -> list[list[object]]:
    """What each process wrote down, line by line."""
    return [
        [json.loads(line) for line in (folder / "notes" / f"{kind}-{process}").read_text().splitlines()]
        for process in range(2)
    ]


@dataclass(frozen=True)
class Together:
    """A chain that two processes made."""

    folder: Path
    ran: Ran


@pytest.fixture(scope="module")
def together(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Together:
    folder = prepare(sample, tmp_path_factory.mktemp("together") / "work", batch=8)
    return Together(folder, torchrun(folder, "run"))


@pytest.fixture(scope="module")
def alone(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with one process and batches of twice the size."""
    folder = prepare(sample, tmp_path_factory.mktemp("alone") / "work", batch=16)
    ran = mctl("compress", cwd=folder)
    assert ran.code == 0, ran.err
    return folder


def test_the_exit_code_is_the_verdict_and_only_one_process_speaks(together: Together) -> None:
    ran = together.ran
    assert ran.code == 0, ran.err
    for line in ("fine-tune, epoch 1:", "prune, epoch 1:", "recover, epoch 1:", "stripped:"):
        assert ran.err.count(line) == 1
    assert ran.out.count("verdict: INCONCLUSIVE") == 1
    result = json.loads((together.folder / "artifacts" / ARTIFACTS[1] / "validation.json").read_text())
    assert {check["group"] for check in result["checks"] if check["verdict"] == "inconclusive"} == {"accuracy"}


def test_there_is_one_artifact_of_each_stage_and_it_works(together: Together) -> None:
    artifacts = together.folder / "artifacts"
    assert sorted(path.name for path in artifacts.iterdir()) == list(ARTIFACTS)
    model = AutoModelForSequenceClassification.from_pretrained(artifacts / "prune50-distill").eval()
    tokenizer = AutoTokenizer.from_pretrained(artifacts / "prune50-distill")
    with torch.no_grad():
        logits = model(**tokenizer(["मुंबईत आज जोरदार पाऊस"], return_tensors="pt")).logits
    assert logits.isfinite().all()


def test_one_process_with_the_same_recipe_finds_it_done(together: Together) -> None:
    ran = mctl("compress", cwd=together.folder)
    assert ran.code == 0
    assert ran.err.count("is up to date") == 2


def test_every_text_comes_once_an_epoch_in_one_process_or_the_other(together: Together) -> None:
    first, second = notes(together.folder, "batch")
    assert len(first) == len(second)
    epochs = 3
    for epoch in range(epochs):
        steps = range(epoch * len(first) // epochs, (epoch + 1) * len(first) // epochs)
        texts = [number for step in steps for number in (*first[step], *second[step])]
        assert sorted(texts) == list(range(len(texts)))
        assert len(texts) == 293
        assert all(abs(len(first[step]) - len(second[step])) <= 1 for step in steps)


def test_scores_and_masks_are_equal_in_both_in_every_step(together: Together) -> None:
    first, second = notes(together.folder, "masks")
    assert first == second
    assert len({scores for scores, _ in first}) > 15, "scores learn"


def test_two_processes_with_half_the_batch_do_what_one_does(together: Together, alone: Path) -> None:
    assert largest_difference(together.folder, alone, "teacher") <= 1e-4
    assert largest_difference(together.folder, alone, "prune50-distill") <= 1e-4


def largest_difference(ours: Path, theirs: Path, name: str) -> float:
    one, other = (load_file(folder / "artifacts" / name / "model.safetensors") for folder in (ours, theirs))
    assert one.keys() == other.keys()
    assert {name: weight.shape for name, weight in one.items()} == {
        name: weight.shape for name, weight in other.items()
    }
    return max(float(np.abs(weight - other[name]).max()) for name, weight in one.items())


def test_a_failure_of_one_ends_all_and_is_told(sample: Path, tmp_path: Path) -> None:
    folder = prepare(sample, tmp_path / "work", batch=8)
    ran = torchrun(folder, "finetune", FAIL_IN="1")
    assert ran.code != 0
    assert ran.err.count("error: something is wrong here alone.") == 1
    assert "Connection" not in ran.err.partition("torch.distributed.elastic")[0]
    assert not (folder / "artifacts" / "teacher").exists()
