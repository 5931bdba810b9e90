"""A quickstart that was killed leaves a hidden folder; the next one removes it, and nothing of anybody else."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from refusal import contents

from mctl.pipeline import quickstart
from mctl.progress import Silent

KILLED = """
import os, signal
from pathlib import Path
from mctl.pipeline import quickstart
from mctl.progress import Silent

write = quickstart._write_sample

def cut_off(folder):
    write(folder)
    (folder / "mctl.toml").unlink()
    os.truncate(folder / "test.csv", 1000)
    os.kill(os.getpid(), signal.SIGKILL)

quickstart._write_sample = cut_off
quickstart.prepare(Path("here"), Silent())
"""


@pytest.fixture(scope="module")
def left_over(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The leftover of a quickstart in `here` that was killed while it wrote its sample. Not to be written to."""
    folder = tmp_path_factory.mktemp("killed")
    done = subprocess.run([sys.executable, "-P", "-c", KILLED], cwd=folder, check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL
    (left,) = (folder / "here").iterdir()
    assert left.name.startswith(".quickstart.")
    assert (left / "encoder" / "model.safetensors").is_file()
    return left


@pytest.fixture
def killed(left_over: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return Path(shutil.copytree(left_over, tmp_path / "here" / left_over.name))


def test_the_next_one_removes_what_a_killed_one_left(killed: Path) -> None:
    quickstart.prepare(killed.parent, Silent())
    assert sorted(path.name for path in killed.parent.iterdir()) == [
        "encoder",
        "mctl.toml",
        "synthetic.csv",
        "test.csv",
    ]


def add(name: str) -> Callable[[Path], object]:
    return lambda left: (left / name).write_text("mine", encoding="utf-8")


@pytest.mark.parametrize(
    "change",
    [
        add("notes.txt"),
        add("encoder/notes.txt"),
        add("synthetic.csv"),
        add("written-by-mctl"),
        lambda left: (left / "written-by-mctl").unlink(),
        lambda left: (left / "mctl.toml").symlink_to(left / "synthetic.csv"),
    ],
)
def test_what_is_not_known_to_be_a_leftover_stays(killed: Path, change: Callable[[Path], object]) -> None:
    change(killed)
    before = contents(killed)
    quickstart.prepare(killed.parent, Silent())
    assert contents(killed) == before


def test_a_link_of_that_name_stays_and_so_does_what_it_leads_to(killed: Path, tmp_path: Path) -> None:
    away = Path(shutil.move(killed, tmp_path / "away"))
    killed.symlink_to(away)
    before = contents(away)
    quickstart.prepare(killed.parent, Silent())
    assert killed.is_symlink()
    assert contents(away) == before


def test_a_quickstart_waits_for_another_one_in_the_same_folder(tmp_path: Path) -> None:
    import torch  # noqa: F401 - its import takes longer than what is waited for here

    here = tmp_path / "here"
    here.mkdir()
    lock = os.open(here, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    waiting = threading.Thread(target=quickstart.prepare, args=(here, Silent()))
    waiting.start()
    waiting.join(2)
    assert waiting.is_alive()
    assert not list(here.iterdir())
    os.close(lock)
    waiting.join(60)
    assert (here / "mctl.toml").is_file()
