"""The same command twice gives the same bytes; what must not change the result does not."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from command import finish, mctl, start, wait_for
from safetensors.numpy import load_file

RECIPE = """
[model]
name = "encoder"
max_length = 16
[data]
source = "news.csv"
limit = 199
[finetune]
epochs = 1
learning_rate = {rate}
{training}
[compress]
prune = 40
distill = true
ramp_epochs = 2
recovery_epochs = 1
learning_rate = {rate}
{training}
"""
MODELS = ("teacher", "prune40-distill")
THRIFTY = {"batch_size": 8, "gradient_accumulation": 2, "gradient_checkpointing": True}
Make = Callable[..., Path]


@pytest.fixture(scope="module")
def make(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Runs a command in a folder of its own with some settings of training, and gives its artifacts."""

    def run(command: str = "compress", *, dropout: float = 0.1, rate: float = 1e-3, **training: object) -> Path:
        folder = prepare(sample, tmp_path_factory.mktemp("run") / "work", dropout, rate, training)
        ran = mctl(command, cwd=folder)
        assert ran.code == 0, ran.err
        return folder / "artifacts"

    return run


def prepare(sample: Path, folder: Path, dropout: float, rate: float, training: dict[str, object]) -> Path:
    """The sample with some dropout and a recipe with some settings of training."""
    shutil.copytree(sample, folder)
    config = json.loads((folder / "encoder" / "config.json").read_text())
    config |= {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
    (folder / "encoder" / "config.json").write_text(json.dumps(config))
    lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in training.items())
    (folder / "mctl.toml").write_text(RECIPE.format(rate=rate, training=lines))
    return folder


@pytest.fixture(scope="module")
def thrifty(make: Make) -> Path:
    """Small batches, several a step, and activations computed twice."""
    return make(**THRIFTY)


def hashes(artifacts: Path) -> dict[str, str]:
    """SHA-256 of every file of weights."""
    return {
        str(path.relative_to(artifacts)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(artifacts.glob("*/*.safetensors"))
    }


def largest_difference(ours: Path, theirs: Path) -> float:
    one, other = (load_file(folder / "teacher" / "model.safetensors") for folder in (ours, theirs))
    return max(float(np.abs(weight - other[name]).max()) for name, weight in one.items())


def test_twice_the_same_in_fp32_also_in_a_process_of_its_own(thrifty: Path, tmp_path: Path) -> None:
    """Hashes of strings, and so the order of sets, differ between processes."""
    folder = Path(shutil.copytree(thrifty.parent, tmp_path / "work", ignore=shutil.ignore_patterns("artifacts")))
    ran = finish(start("compress", cwd=folder, PYTHONHASHSEED="1"))
    assert ran.code == 0, ran.err
    assert hashes(folder / "artifacts") == hashes(thrifty)
    assert len(hashes(thrifty)) == len(MODELS)


def test_twice_the_same_in_bf16_the_second_time_interrupted(make: Make, thrifty: Path, tmp_path: Path) -> None:
    once = make(**THRIFTY, mixed_precision="bf16")
    again = Path(shutil.copytree(once.parent, tmp_path / "work", ignore=shutil.ignore_patterns("artifacts")))
    process = start("compress", cwd=again)
    wait_for(again / "artifacts" / ".work", "prune40-distill-*/ramp/checkpoint-*/complete")
    process.kill()
    assert finish(process).code == -signal.SIGKILL
    ran = mctl("compress", cwd=again)
    assert "going on from checkpoint-" in ran.err
    assert hashes(again / "artifacts") == hashes(once)
    assert hashes(once) != hashes(thrifty), "it was bf16"


def test_checkpointing_of_activations_changes_nothing(make: Make, thrifty: Path) -> None:
    assert hashes(make(batch_size=8, gradient_accumulation=2)) == hashes(thrifty)


def test_another_seed_gives_another_model(make: Make, thrifty: Path) -> None:
    other = make("finetune", batch_size=8, gradient_accumulation=2, seed=43)
    assert hashes(other)["teacher/model.safetensors"] != hashes(thrifty)["teacher/model.safetensors"]


def test_two_passes_of_eight_are_one_of_sixteen(make: Make) -> None:
    """Without dropout, which is drawn pass by pass."""
    whole = make("finetune", batch_size=16, dropout=0.0, rate=1e-4)
    parts = make("finetune", batch_size=8, gradient_accumulation=2, dropout=0.0, rate=1e-4)
    assert 0 < largest_difference(whole, parts) <= 1e-5


def test_a_last_step_of_few_texts_counts_each_as_much(make: Make) -> None:
    """Of 199 texts, the last step has 17, in passes of 9 and 8: a mean of means would differ."""
    whole = make("finetune", batch_size=26, dropout=0.0, rate=1e-4)
    parts = make("finetune", batch_size=13, gradient_accumulation=2, dropout=0.0, rate=1e-4)
    assert largest_difference(whole, parts) <= 1e-5
