"""Speed-ups that cannot be asked for, or cannot be reached."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from refusal import Refused


def test_a_level_and_a_speed_up_together(copy_of_sample: Path, refused: Refused) -> None:
    words = ["--prune --target-speedup", "only one of them"]
    refused("compress", "--prune", 50, "--target-speedup", 2, cwd=copy_of_sample, words=words)


@pytest.mark.parametrize("speedup", ["1", "0.5", "nan", "inf"])
def test_speed_ups_that_mean_nothing(copy_of_sample: Path, refused: Refused, speedup: str) -> None:
    refused("compress", "--target-speedup", speedup, cwd=copy_of_sample, words=["--target-speedup"])


@pytest.mark.parametrize("size", ["8", "8x", "x32", "0x32", "8x32x4", "eightx32"])
def test_calls_that_have_no_size(copy_of_sample: Path, refused: Refused, size: str) -> None:
    refused("compress", "--target-speedup", 2, "--at", size, cwd=copy_of_sample, words=["--at"])


def test_a_gpu_that_there_is_not(copy_of_chain: Path, refused: Refused) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    words = ["--on cuda", "nothing can be timed", "onnxruntime-gpu"]
    refused("compress", "--target-speedup", 2, "--on", "cuda", cwd=copy_of_chain, words=words)


def test_blocks_have_no_speed_up(copy_of_chain: Path, refused: Refused) -> None:
    words = ["--target-speedup", "--structure", "units"]
    refused("compress", "--target-speedup", 2, "--structure", "blocks", cwd=copy_of_chain, words=words)


def test_calls_longer_than_the_teachers_positions(copy_of_chain: Path, refused: Refused) -> None:
    refused("compress", "--target-speedup", 2, "--at", "8x5000", cwd=copy_of_chain, words=["--at", "positions for"])


def test_a_speed_up_that_no_layout_reaches_names_the_best_and_its_level(copy_of_chain: Path) -> None:
    from command import mctl

    ran = mctl(
        *("compress", "--target-speedup", 500, "--layers", 1, "--at", "4x16", "--threads", 1, "--no-distill"),
        cwd=copy_of_chain,
    )
    assert ran.code == 2, ran
    said = " ".join(ran.err.split())
    assert "no layout is 500 times as fast" in said
    assert re.search(r"\d+\.\d % of the encoder's weights are gone", said)
    assert re.search(r"it is \d+\.\d+ times as fast", said)
    assert not (copy_of_chain / "artifacts" / "speedup500").exists()
