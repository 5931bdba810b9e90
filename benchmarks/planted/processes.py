"""Faults that happen while a command runs, and names that are written into its reports."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from .fault import EXPORT, SOURCE, TEACHER
from .outcome import Row, contents, sentence
from .running import PROGRAM, mctl

MODELS = (f"{TEACHER}/model.safetensors", f"{SOURCE}/model.safetensors", f"{EXPORT}/model.onnx")
_LIMIT_BYTES = 200_000


def killed(stage: str, pattern: str, base: Path, work: Path) -> Row:
    """kill -9 once `pattern` is there, then the same command again: the artifacts have to be those of the base."""
    copy = Path(shutil.copytree(base, work / "copy"))
    try:
        shutil.rmtree(copy / "artifacts")
        process = subprocess.Popen(
            [*PROGRAM, "run"], cwd=copy, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        while process.poll() is None and not any((copy / "artifacts").glob(pattern)):
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        again = mctl(copy, "run", "--quiet")
        same = all((copy / name).read_bytes() == (base / name).read_bytes() for name in MODELS)
        said = "the same command goes on, and its artifacts are the same to the byte" if same else again.stderr[-120:]
        return Row(f"kill -9 {stage}", "run", again.returncode, said, again.returncode == 0 and same, not same)
    finally:
        shutil.rmtree(copy)


def disk_full(command: tuple[str, ...], base: Path, work: Path) -> Row:
    """A command on a disk that takes no more than so many bytes a file."""
    copy = Path(shutil.copytree(base, work / "copy"))
    try:
        before = contents(copy)
        ran = mctl(copy, *command, file_limit=_LIMIT_BYTES)
        caught = ran.returncode == 2 and "the disk is full" in ran.stderr and "Traceback" not in ran.stderr
        said = sentence(ran, ("the disk is full",))
        return Row(f"disk full at {command[0]}", command[0], ran.returncode, said, caught, contents(copy) != before)
    finally:
        shutil.rmtree(copy)


def two_at_once(base: Path, work: Path) -> Row:
    """Two commands that make the same artifact."""
    copy = Path(shutil.copytree(base, work / "copy"))
    try:
        long = ("finetune", "--epochs", "300")
        first = subprocess.Popen(
            [*PROGRAM, *long], cwd=copy, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        while first.poll() is None and not any((copy / "artifacts" / ".work").glob("teacher-*/checkpoint-*")):
            time.sleep(0.01)
        before = contents(copy)
        second = mctl(copy, *long)
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
        caught = second.returncode == 2 and "another mctl" in second.stderr
        said = sentence(second, ("another mctl",))
        return Row(
            "two commands at one artifact", "finetune", second.returncode, said, caught, contents(copy) != before
        )
    finally:
        shutil.rmtree(copy)


def html_in_a_label(base: Path, work: Path) -> Row:
    """A class whose name is a script: the verdict is made, and no report has the name as markup."""
    copy = Path(shutil.copytree(base, work / "copy"))
    try:
        shutil.rmtree(copy / "artifacts")
        data, script = copy / "synthetic.csv", "<script>alert(1)</script>"
        data.write_text(data.read_text(encoding="utf-8").replace(",Sports", f",{script}"), encoding="utf-8")
        ran = mctl(copy, "run", "--quiet")
        page = (copy / EXPORT / "validation.html").read_text(encoding="utf-8")
        others = [(copy / EXPORT / name).read_text(encoding="utf-8") for name in ("README.md", "junit.xml")]
        named = "&lt;script&gt;alert(1)" in page
        caught = ran.returncode == 0 and named and not any("<script>alert" in text for text in (page, *others))
        said = "the page names the class with its signs escaped" if caught else sentence(ran, ("script",))
        return Row("HTML in a label", "run", ran.returncode, said, caught, False)
    finally:
        shutil.rmtree(copy)


def processes(base: Path, work: Path) -> list[Callable[[], Row]]:
    """Faults that happen while a command runs."""
    moments = {
        "while the teacher is trained": ".work/teacher-*/checkpoint-*/complete",
        "while the teacher is asked": ".work/prune25-distill-*/teacher/starts.npy",
        "during the ramp": ".work/prune25-distill-*/ramp/checkpoint-*/complete",
        "during recovery": ".work/prune25-distill-*/recovery/checkpoint-*/complete",
        "while the export is written": ".prune25-distill-fp16.*",
        "while it is validated": "prune25-distill-fp16/manifest.json",
    }
    commands = (("finetune", "--epochs", "1"), ("export", SOURCE, "--fp32"))
    return [
        *(lambda stage=stage, at=at: killed(stage, at, base, work) for stage, at in moments.items()),
        *(lambda command=command: disk_full(command, base, work) for command in commands),
        lambda: two_at_once(base, work),
        lambda: html_in_a_label(base, work),
    ]
