"""Ctrl-C and kill -9 at every stage: `mctl run` goes on and ends with the same artifacts."""

from __future__ import annotations

import hashlib
import signal
from pathlib import Path

from command import finish, mctl, start, wait_for

MODELS = ("teacher/model.safetensors", "prune25-distill/model.safetensors", "prune25-distill-fp16/model.onnx")


def hashes(folder: Path) -> dict[str, str]:
    return {name: hashlib.sha256((folder / "artifacts" / name).read_bytes()).hexdigest() for name in MODELS}


def test_interrupted_at_every_stage_it_ends_with_the_same_artifacts(copy_of_sample: Path, chain: Path) -> None:
    work = copy_of_sample / "artifacts" / ".work"
    moments = [
        ("teacher-*/checkpoint-*/complete", signal.SIGINT),
        ("prune25-distill-*/teacher/starts.npy", signal.SIGKILL),  # While the teacher is asked.
        ("prune25-distill-*/ramp/checkpoint-*/complete", signal.SIGKILL),
        ("prune25-distill-*/recovery/checkpoint-*/complete", signal.SIGKILL),
    ]
    for pattern, blow in moments:
        process = start("run", cwd=copy_of_sample)
        wait_for(work, pattern)
        process.send_signal(blow)
        ran = finish(process)
        if blow == signal.SIGINT:
            assert ran.code == 130
            assert "Traceback" not in ran.err
            assert "goes on from the last checkpoint" in ran.err
        else:
            assert ran.code == -signal.SIGKILL
        names = {path.name for path in (copy_of_sample / "artifacts").iterdir() if not path.name.startswith(".")}
        assert "prune25-distill" not in names
    ran = finish(start("run", cwd=copy_of_sample))
    assert ran.code == 0, ran.err
    assert "resuming after the strip" in ran.err
    assert "recover: going on from checkpoint-" in ran.err
    assert hashes(copy_of_sample) == hashes(chain)
    assert not work.exists(), "what is done needs no checkpoints"


def test_two_commands_at_the_same_artifact_do_not_mix(copy_of_sample: Path) -> None:
    long = ("finetune", "--epochs", 500)
    first = start(*long, cwd=copy_of_sample)
    wait_for(copy_of_sample / "artifacts" / ".work", "teacher-*/checkpoint-*")
    second = mctl(*long, cwd=copy_of_sample)
    still_at_work = first.poll() is None
    first.kill()
    finish(first)
    assert still_at_work
    assert second.code == 2
    assert "another mctl is making the same artifact" in second.err
