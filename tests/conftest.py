"""Fixtures that several folders share: a small sample, and the whole chain run on it once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Before any library reads them: tests must not reach for a network.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# Tiny matrices gain nothing from a second thread, and two threads wait for each other on a busy machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from command import finish, start
from hypothesis import settings

# On a busy machine any example may take long; what is slow for good, pytest-timeout ends.
settings.register_profile("mctl", deadline=None)
settings.load_profile("mctl")

RECIPE = """
[model]
name = "encoder"
max_length = 16

[data]
source = "news.csv"

[finetune]
epochs = 7
patience = 7
batch_size = 16
learning_rate = 1e-3
freeze_embeddings = false

[compress]
prune = 25
distill = true
batch_size = 16
ramp_epochs = 2
recovery_epochs = 2
learning_rate = 5e-4
freeze_embeddings = false

[export]
precision = "fp16"

[measure]
batches = 3
repeats = 2
energy_seconds = 0.5

[gate]
max_accuracy_drop = 100
max_macro_f1_drop = 100
max_slice_drop = 100
"""


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a recipe, a synthetic data set and a tiny encoder with random weights. Not to be written to."""
    from mctl.samples import headlines, tiny_model, write_csv

    folder = tmp_path_factory.mktemp("sample")
    rows = headlines(7, 420)
    write_csv(folder / "news.csv", rows)
    tiny_model(folder / "encoder", [text for text, _ in rows], 7)
    (folder / "mctl.toml").write_text(RECIPE, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def chain(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample in which `mctl run` has run to its end. Not to be written to: copy it."""
    import shutil

    folder = tmp_path_factory.mktemp("chain") / "work"
    shutil.copytree(sample, folder)
    ran = finish(start("run", cwd=folder))
    assert ran.code == 0, ran.err
    return folder


@pytest.fixture
def copy_of_chain(chain: Path, tmp_path: Path) -> Path:
    """The finished chain, to be damaged."""
    import shutil

    return Path(shutil.copytree(chain, tmp_path / "chain"))


@pytest.fixture
def copy_of_sample(sample: Path, tmp_path: Path) -> Path:
    """The sample, to be worked in."""
    import shutil

    return Path(shutil.copytree(sample, tmp_path / "sample"))
