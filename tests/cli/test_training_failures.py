"""Losses that are no numbers: the step, what to change, and what is kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from command import mctl
from refusal import Refused, complaint
from safetensors.numpy import load_file, save_file

SHORT = ("--ramp-epochs", 1, "--recovery-epochs", 0)


def test_a_fine_tuning_that_fails_in_its_first_epoch_promises_no_checkpoint(
    copy_of_sample: Path, refused: Refused
) -> None:
    message = refused("finetune", "--learning-rate", "1e9", cwd=copy_of_sample, words=["is nan at step", "(fine-tune)"])
    assert "Lower the learning rate, which is 1e+09: --learning-rate, or learning_rate under [finetune]." in message
    assert "checkpoint" not in message


@pytest.mark.parametrize("signals", [("--no-distill",), ("--distill", "logits,hidden")])
def test_a_ramp_that_fails_names_its_own_settings(copy_of_sample: Path, signals: tuple[str, ...]) -> None:
    """Masks of scores that are no numbers must not be what the user hears of."""
    ran = mctl(
        *("compress", "--teacher", "encoder", "--learning-rate", "1e9", *SHORT, *signals),
        cwd=copy_of_sample,
    )
    assert ran.code == 2
    message = complaint(ran.err)
    assert "is nan at step" in message
    assert "(prune)" in message
    assert "which is 1e+09: --learning-rate, or learning_rate under [compress]." in message
    assert "checkpoint" not in message
    assert [path.name for path in (copy_of_sample / "artifacts").glob("[!.]*")] == ["teacher"]


def test_the_last_good_checkpoint_stays_and_is_whole(copy_of_sample: Path) -> None:
    """The learning rate rises until the loss is no number; the first epoch is over before."""
    recipe = copy_of_sample / "mctl.toml"
    recipe.write_text(recipe.read_text().replace("[finetune]", "[finetune]\nwarmup = 1.0"))
    command = ("finetune", "--epochs", 6, "--learning-rate", 3000)
    ran = mctl(*command, cwd=copy_of_sample)
    assert ran.code == 2, ran
    message = complaint(ran.err)
    (kept,) = (copy_of_sample / "artifacts" / ".work").glob("teacher-*/checkpoint-*")
    assert f"The last good checkpoint stays in {kept.relative_to(copy_of_sample)}; " in message
    assert (kept / "complete").exists()
    assert all(np.isfinite(weight).all() for weight in load_file(kept / "model.safetensors").values())
    again = mctl(*command, cwd=copy_of_sample)
    assert f"going on from {kept.name}" in again.err
    assert complaint(again.err) == message


def test_weights_that_are_no_numbers_are_not_blamed_on_the_learning_rate(
    copy_of_sample: Path, refused: Refused
) -> None:
    weights = copy_of_sample / "encoder" / "model.safetensors"
    tensors = load_file(weights)
    name = "bert.encoder.layer.0.output.dense.weight"
    tensors[name][:] = 3e38  # Numbers, but what they are multiplied to is none.
    save_file(tensors, weights, metadata={"format": "pt"})
    message = refused("finetune", cwd=copy_of_sample, words=["nan at step 1 of", "Nothing has been learnt yet"])
    assert "learning rate" not in message
    tensors[name][3, 5] = np.nan
    save_file(tensors, weights, metadata={"format": "pt"})
    message = refused("finetune", cwd=copy_of_sample, words=["weights are NaN or infinite", name])
    assert "learning rate" not in message


def test_the_last_step_of_an_epoch_counts(copy_of_sample: Path, refused: Refused) -> None:
    """Its loss was a number, but not what it made of the weights."""
    recipe = copy_of_sample / "mctl.toml"
    recipe.write_text(recipe.read_text().replace("[finetune]", "[finetune]\nwarmup = 0.0"))
    one_step = ("finetune", "--epochs", 1, "--batch-size", 293, "--learning-rate", "1e30")
    message = refused(*one_step, cwd=copy_of_sample, words=["the loss on the dev split is nan at step 1 of 1"])
    assert "checkpoint" not in message
    assert "Lower the learning rate" in message
