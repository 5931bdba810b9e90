"""The same command twice gives the same bytes where a GPU trains."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
import torch
from command import finish, start

COMMAND = ("--prune", 40, "--distill", "--ramp-epochs", 1, "--recovery-epochs", 1, "--model", "encoder")


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["no", "bf16", "fp16"])
def test_twice_the_same_on_a_gpu(copy_of_sample: Path, tmp_path: Path, precision: str) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no GPU at hand")
    found = []
    for name in ("once", "again"):
        folder = Path(shutil.copytree(copy_of_sample, tmp_path / name))
        ran = finish(start("compress", *COMMAND, "--mixed-precision", precision, cwd=folder))
        assert ran.code == 0, ran.err
        weights = sorted(folder.glob("artifacts/*/*.safetensors"))
        found.append([hashlib.sha256(path.read_bytes()).hexdigest() for path in weights])
    assert len(found[0]) == 2
    assert found[0] == found[1]
