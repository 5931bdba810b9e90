"""Artifacts: whole or not at all, and never outside their folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reseal import reseal

from mctl.artifact import (
    MANIFEST,
    Artifact,
    Manifest,
    inside,
    load_artifact,
    newest_artifact,
    now,
    seal,
    sha256_of,
    stage_key,
    write_atomically,
    writing,
)
from mctl.errors import UserError

FACTS = {
    "max_length": 16,
    "layout": {"heads": [2], "ffn": [8]},
    "parameters": {"total": 20, "encoder": 10, "encoder_weights": 8, "embeddings": 8},
}


def make(folder: Path, content: bytes = b"weights", kind: str = "teacher") -> Artifact:
    with writing(folder) as temporary:
        (temporary / "model.bin").write_bytes(content)
        (temporary / "sub").mkdir()
        (temporary / "sub" / "vocab.txt").write_text("a\nb\n")
        return seal(temporary, folder, Manifest(kind=kind, name=folder.name, key="k", created=now(), facts=FACTS))


def test_a_sealed_artifact_loads_with_the_hashes_of_its_files(tmp_path: Path) -> None:
    made = make(tmp_path / "a")
    loaded = load_artifact(tmp_path / "a")
    assert loaded == made
    assert set(loaded.manifest.files) == {"model.bin", "sub/vocab.txt"}
    for name, entry in loaded.manifest.files.items():
        assert entry.sha256 == sha256_of(tmp_path / "a" / name)
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]


def test_a_failure_leaves_nothing_and_what_was_there_untouched(tmp_path: Path) -> None:
    make(tmp_path / "a", b"old")
    with pytest.raises(RuntimeError, match="power cut"), writing(tmp_path / "a") as temporary:
        (temporary / "model.bin").write_bytes(b"new")
        raise RuntimeError("power cut")
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]
    assert (tmp_path / "a" / "model.bin").read_bytes() == b"old"


def test_a_second_artifact_of_the_same_name_replaces_the_first(tmp_path: Path) -> None:
    make(tmp_path / "a", b"old")
    make(tmp_path / "a", b"new")
    assert (tmp_path / "a" / "model.bin").read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]


@pytest.mark.parametrize("name", ["model.bin", "sub/vocab.txt"])
def test_missing_and_shortened_files_are_named(tmp_path: Path, name: str) -> None:
    make(tmp_path / "a")
    file = tmp_path / "a" / name
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(UserError, match=name):
        load_artifact(tmp_path / "a")
    file.unlink()
    with pytest.raises(UserError, match=f"{name} is missing"):
        load_artifact(tmp_path / "a")


def test_a_manifest_that_was_edited_is_refused(tmp_path: Path) -> None:
    make(tmp_path / "a")
    path = tmp_path / "a" / MANIFEST
    for old, new in (
        ('"key": "k"', '"key": "l"'),
        ('"max_length": 16', '"max_length": 8'),
        ('"bytes": 7', '"bytes": 8'),
    ):
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
        with pytest.raises(UserError, match="changed after it was written"):
            load_artifact(tmp_path / "a")
        path.write_text(text, encoding="utf-8")
    assert load_artifact(tmp_path / "a").manifest.digest


def test_a_manifest_in_another_layout_is_the_same(tmp_path: Path) -> None:
    made = make(tmp_path / "a")
    path = tmp_path / "a" / MANIFEST
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(dict(reversed(content.items()))), encoding="utf-8")
    assert load_artifact(tmp_path / "a") == made


@pytest.mark.parametrize("name", ["../outside", "/etc/hostname", "sub/../../outside", "link/file"])
def test_names_that_leave_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "a"
    make(folder)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").write_bytes(b"")
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "outside").write_bytes(b"")
    reseal(folder, lambda manifest: manifest["files"].update({name: {"sha256": "0" * 64, "bytes": 0}}))
    with pytest.raises(UserError, match="outside the artifact"):
        load_artifact(folder)


@given(name=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=60))
def test_inside_never_leaves_the_folder(name: str) -> None:
    folder = Path("/nowhere/artifact")
    try:
        path = inside(folder, name)
    except UserError:
        return
    assert path.resolve().is_relative_to(folder.resolve())


@given(junk=st.binary(max_size=300))
def test_a_damaged_manifest_is_the_users_to_know(junk: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("junk")
    (folder / MANIFEST).write_bytes(junk)
    with pytest.raises(UserError):
        load_artifact(folder)


def test_the_newest_of_a_kind_is_found_and_broken_ones_are_passed_over(tmp_path: Path) -> None:
    assert newest_artifact(tmp_path, ("teacher",)) is None
    for name, kind in (("one", "teacher"), ("two", "compressed"), ("three", "teacher"), ("broken", "teacher")):
        make(tmp_path / name, kind=kind)
    (tmp_path / "broken" / "model.bin").unlink()
    newest = newest_artifact(tmp_path, ("teacher",))
    assert newest is not None
    assert newest.name == "three"


def test_keys_depend_on_stage_settings_and_inputs_but_not_on_their_order() -> None:
    key = stage_key("compress", {"prune": 25, "distill": True}, {"data": "a"})
    assert key == stage_key("compress", {"distill": True, "prune": 25}, {"data": "a"})
    others = {
        stage_key("export", {"prune": 25, "distill": True}, {"data": "a"}),
        stage_key("compress", {"prune": 26, "distill": True}, {"data": "a"}),
        stage_key("compress", {"prune": 25, "distill": True}, {"data": "b"}),
    }
    assert len(others | {key}) == 4


def test_atomic_writes_leave_no_other_file(tmp_path: Path) -> None:
    write_atomically(tmp_path / "f", b"one")
    write_atomically(tmp_path / "f", b"two")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("f", b"two")]
