"""From settings to what the Trainer is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mctl.compression.arguments import training_arguments
from mctl.compression.phase import Phase
from mctl.recipe import TrainingSettings


@pytest.mark.parametrize("left_behind", ["bf16", "fp16", "no"])
@pytest.mark.parametrize("precision", ["no", "bf16"])
def test_the_precision_is_the_recipes_whatever_a_launcher_or_another_training_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, left_behind: str, precision: str
) -> None:
    """accelerate reads the variable where transformers does not hand it a precision."""
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", left_behind)
    arguments = training_arguments(TrainingSettings(mixed_precision=precision), Phase("test", tmp_path, 1), 8)
    assert os.environ["ACCELERATE_MIXED_PRECISION"] == precision
    assert getattr(arguments, "mixed_precision", precision) == precision
    assert (arguments.bf16, arguments.fp16) == (precision == "bf16", False)
