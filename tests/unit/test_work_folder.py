"""The work folder of a stage: mctl's own, or refused; what mctl wrote goes, anything else stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from mctl.errors import UserError
from mctl.ownership import is_work
from mctl.pipeline.stage import work_folder

KEY = "0123456789abcdef" * 4
NAME = "teacher-0123456789abcdef"
# How these files begin, whoever writes them.
WEIGHTS, STATE = b"\x02\0\0\0\0\0\0\0{}", b"PK\x03\x04x"


def interrupted(root: Path) -> Path:
    """What a stage that was stopped leaves."""
    with pytest.raises(KeyboardInterrupt), work_folder(root, "teacher", KEY) as work:
        (work / "checkpoint-3").mkdir(exist_ok=True)
        (work / "checkpoint-3" / "model.safetensors").write_bytes(WEIGHTS)
        raise KeyboardInterrupt
    return root / ".work" / NAME


def test_it_is_kept_when_the_stage_fails_and_goes_when_it_succeeds(tmp_path: Path) -> None:
    folder = interrupted(tmp_path)
    assert (folder / "checkpoint-3" / "model.safetensors").is_file()
    with work_folder(tmp_path, "teacher", KEY) as work:
        assert (work / "checkpoint-3" / "model.safetensors").is_file()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "name",
    [
        *("notes.txt", "checkpoint-3/notes.txt", "thesis/model.safetensors"),
        # Names that mctl gives too, and contents that it does not write.
        *("settled.json", "checkpoint-3/config.json", "checkpoint-3/optimizer.pt", "checkpoint-4/model.safetensors"),
        *("checkpoint-3/complete", "labels/logits.npy", "timing/model.onnx", "checkpoint-3/best.safetensors"),
    ],
)
def test_a_file_of_the_users_in_it_is_refused_at_the_start(tmp_path: Path, name: str) -> None:
    folder = interrupted(tmp_path)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("mine")
    with pytest.raises(UserError, match=name.replace(".", r"\.")), work_folder(tmp_path, "teacher", KEY):
        pytest.fail("it was used")
    assert (folder / name).read_text() == "mine"
    assert (folder / "checkpoint-3" / "model.safetensors").is_file()


@pytest.mark.parametrize(
    "whole",
    [b'{"step": 1}', b"PK\x03\x04", b"\x93NUMPY\x01", b"\x08\x0a", b"ARROW1", b"\x10\x27\x00\x00\x00\x00\x00\x00{"],
)
def test_what_a_killed_process_has_begun_to_write_is_its_own(tmp_path: Path, whole: bytes) -> None:
    names = {b"{": "settled.json", b"P": "checkpoint-3/optimizer.pt", b"\x93": "labels/logits.npy"}
    names |= {b"\x08": "timing/model.onnx", b"A": "tokens-ab/data.arrow", b"\x10": "checkpoint-3/model.safetensors"}
    path = tmp_path / names[whole[:1]]
    path.parent.mkdir(exist_ok=True)
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        assert is_work(tmp_path, names[whole[:1]])
    path.write_bytes(b"mine, and no such file")
    assert not is_work(tmp_path, names[whole[:1]])


def test_a_link_in_a_work_folder_is_the_users(tmp_path: Path) -> None:
    (tmp_path / "thesis.json").write_text("{}")
    (tmp_path / "settled.json").symlink_to("thesis.json")
    assert not is_work(tmp_path, "settled.json")


def test_a_file_of_the_users_that_came_later_stays(tmp_path: Path) -> None:
    with work_folder(tmp_path, "teacher", KEY) as work:
        (work / "checkpoint-3").mkdir()
        (work / "checkpoint-3" / "optimizer.pt").write_bytes(STATE)
        (work / "checkpoint-3" / "notes.txt").write_text("mine")
        (work / "stripped").mkdir()
        (work / "stripped" / "config.json").write_text("mine")
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(str(path.relative_to(tmp_path / ".work" / NAME)) for path in left) == [
        "checkpoint-3/notes.txt",
        "stripped/config.json",
    ]


def test_a_work_folder_is_marked_and_one_of_0_1_0_is_known_too(tmp_path: Path) -> None:
    folder = interrupted(tmp_path)
    assert (folder / "lock").read_text() == f"Written by mctl: {NAME}"
    (folder / "lock").write_text("")
    assert interrupted(tmp_path) == folder
    (folder / "lock").write_text("Written by mctl: student-0123456789abcdef")
    with pytest.raises(UserError, match="lock"), work_folder(tmp_path, "teacher", KEY):
        pytest.fail("it was used")


@pytest.mark.parametrize("what", ["file", "link", "folder", "lock"])
def test_what_is_in_its_way_is_refused(tmp_path: Path, what: str) -> None:
    folder = tmp_path / ".work" / NAME
    folder.parent.mkdir()
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "lock").write_text("mine")
    if what == "file":
        folder.write_text("mine")
    elif what == "link":
        folder.symlink_to(mine)
    else:
        folder.mkdir()
        (folder / ("lock" if what == "lock" else "model.safetensors")).write_text("mine")
    with pytest.raises(UserError, match="work folder"), work_folder(tmp_path, "teacher", KEY):
        pytest.fail("it was used")
    assert (mine / "lock").read_text() == "mine"


def test_a_link_that_leads_nowhere_in_place_of_the_folder_of_artifacts(tmp_path: Path) -> None:
    (tmp_path / "artifacts").symlink_to(tmp_path / "gone")
    with (
        pytest.raises(UserError, match="artifacts: this link leads nowhere"),
        work_folder(tmp_path / "artifacts", "teacher", KEY),
    ):
        pytest.fail("it was used")
