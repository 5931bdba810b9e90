"""Texts in files read like a list, and the files have no name."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from disk import files_of_at_most
from hypothesis import given, settings
from hypothesis import strategies as st

from mctl.data import DataSettings, load
from mctl.data.spool import Spool
from mctl.data.stored import Texts, TextWriter
from mctl.errors import UserError

BLOCKS = st.lists(st.lists(st.text(st.characters(codec="utf-8"), max_size=8), max_size=6), max_size=6)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def written(blocks: list[list[str]]) -> Texts:
    writer = TextWriter()
    for block in blocks:
        # A slice of a longer array, as Arrow hands them out: its offsets do not begin at zero.
        writer.write(pa.array(["before", *block, "after"], pa.large_string())[1:-1])
    return writer.finish()


@settings(deadline=None)
@given(BLOCKS)
def test_texts_are_a_sequence(blocks: list[list[str]]) -> None:
    expected = [text for block in blocks for text in block]
    texts = written(blocks)
    assert list(texts) == expected
    assert len(texts) == len(expected)
    assert [texts[number] for number in range(len(texts))] == expected
    assert list(texts[1:3]) == expected[1:3]
    assert list(texts[2:][1:]) == expected[3:]
    assert list(texts[::2]) == expected[::2]
    assert list(texts[::-1]) == list(reversed(texts)) == expected[::-1]


@settings(deadline=None)
@given(BLOCKS, st.data())
def test_texts_are_rearranged(blocks: list[list[str]], data: st.DataObject) -> None:
    expected = [text for block in blocks for text in block]
    numbers = st.lists(st.integers(0, len(expected) - 1)) if expected else st.just([])
    positions = data.draw(numbers)
    found = written(blocks).rearranged(np.array(positions, np.int64))
    assert list(found) == [expected[position] for position in positions]


def test_more_texts_than_a_block() -> None:
    expected = [f"text {number}" for number in range(2_501)]
    texts = written([expected[:7], expected[7:]])
    assert list(texts) == expected
    assert list(texts.rearranged(np.arange(2_500, -1, -1))) == expected[::-1]


def test_texts_are_mapped_from_files_without_a_name(temporary: Path) -> None:
    texts = written([["one", "two"]])
    assert list(temporary.iterdir()) == []
    maps = [line.split(maxsplit=5)[-1] for line in Path("/proc/self/maps").read_text().splitlines()]
    assert any(name.startswith(str(temporary)) and name.endswith("(deleted)") for name in maps)
    assert list(texts) == ["one", "two"]
    del texts
    assert str(temporary) not in Path("/proc/self/maps").read_text()


def test_loading_leaves_nothing_behind(temporary: Path, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("text,label\n" + "".join(f"text {number},{'AB'[number % 2]}\n" for number in range(40)))
    dataset = load(DataSettings(source=str(path)))
    assert len(dataset.splits["train"]) == 28
    assert sorted(tmp_path.iterdir()) == [path, temporary]
    assert list(temporary.iterdir()) == []


def test_a_full_disk_is_the_users_to_mend(temporary: Path, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    rows = (f"text {number},{'AB'[number % 2]}\n" for number in range(600))
    path.write_text("text,label\n" + "".join(rows))
    with pytest.raises(UserError, match="disk is full") as caught, files_of_at_most(10_000):
        load(DataSettings(source=str(path)))
    assert caught.value.where == str(temporary)
    assert "TMPDIR" in str(caught.value.todo)
    assert list(temporary.iterdir()) == []


def test_no_folder_for_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: [str(tmp_path / "missing")])
    with pytest.raises(UserError, match="temporary files have no place") as caught:
        Spool()
    assert "TMPDIR" in str(caught.value.where)
