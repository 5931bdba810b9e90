"""Disks that are full and folders that cannot be written: nothing that was there is lost."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import mctl
from disk import files_of_at_most
from refusal import Refused, complaint, contents


def visible(folder: Path) -> dict[str, str]:
    """Artifacts without the checkpoints, which stay for the next attempt."""
    return {name: value for name, value in contents(folder).items() if not name.startswith(".work")}


def test_export_on_a_full_disk_leaves_nothing(copy_of_chain: Path) -> None:
    before = contents(copy_of_chain)
    with files_of_at_most(100_000):
        ran = mctl("export", "artifacts/prune25-distill", "--fp32", cwd=copy_of_chain)
    assert ran.code == 2, ran
    message = complaint(ran.err)
    assert "the disk is full" in message
    assert "Make room" in message
    assert contents(copy_of_chain) == before


# The weights take 4.2 MB, the optimizer's state twice that: one is written in Rust, the other in C++.
@pytest.mark.parametrize("size", [100_000, 5_000_000])
def test_finetune_on_a_full_disk_keeps_the_teacher_that_was_there(copy_of_chain: Path, size: int) -> None:
    artifacts = copy_of_chain / "artifacts"
    before = visible(artifacts)
    arguments = ("finetune", "--epochs", 1)
    with files_of_at_most(size):
        ran = mctl(*arguments, cwd=copy_of_chain)
    assert ran.code == 2, ran
    assert "the disk is full" in complaint(ran.err)
    assert visible(artifacts) == before
    again = mctl(*arguments, cwd=copy_of_chain)
    assert again.code == 0, again.err
    assert visible(artifacts) != before
    assert not (artifacts / ".work").exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a tmpfs needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_export_to_a_disk_that_is_too_small_and_again_when_it_is_not(chain: Path, small_disk: Path) -> None:
    arguments = ("export", "artifacts/prune25-distill", "--fp16", "--artifacts", small_disk)
    ran = mctl(*arguments, cwd=chain)
    assert ran.code == 2, ran
    assert "the disk is full" in complaint(ran.err)
    assert not list(small_disk.iterdir())
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    assert mctl(*arguments, cwd=chain).code == 0
    assert [path.name for path in small_disk.iterdir()] == ["prune25-distill-fp16"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(copy_of_chain: Path) -> None:
    artifacts = copy_of_chain / "artifacts"
    before = contents(artifacts)
    artifacts.chmod(0o555)
    try:
        ran = mctl("export", "artifacts/prune25-distill", "--fp32", cwd=copy_of_chain)
    finally:
        artifacts.chmod(0o755)
    assert ran.code == 2, ran
    assert "no permission" in complaint(ran.err)
    assert contents(artifacts) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["export", "artifacts/prune25-distill", "--fp16", "--artifacts", "news.csv"],
        ["export", "artifacts/prune25-distill", "--fp16", "--artifacts", "news.csv/below"],
        ["finetune", "--artifacts", "news.csv"],
        ["quickstart", "news.csv"],
        ["init", "--output", "news.csv/mctl.toml"],
        ["inspect", "--picture", "news.csv/layout.png"],
    ],
)
def test_a_file_where_a_folder_is_needed(copy_of_chain: Path, refused: Refused, arguments: list[str]) -> None:
    words = ["news.csv: ", "a file where a folder is needed", "Move it"]
    refused(*arguments, cwd=copy_of_chain, words=words)
