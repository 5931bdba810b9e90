from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mctl.validators.errors import ValidatorError
from mctl.validators.integrity import FileRecord, check_files, sha256_of

CONTENTS = {"config.json": b'{"labels": 3}', "model.onnx": bytes(range(256)) * 9, "parts/vocab.txt": "मराठी\n".encode()}


def record_of(content):
    return FileRecord(hashlib.sha256(content).hexdigest(), len(content))


RECORDS = {name: record_of(content) for name, content in CONTENTS.items()}


def write(folder, contents=CONTENTS):
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path / "artifact")


@pytest.fixture(scope="module")
def shared_folder(tmp_path_factory):
    return write(tmp_path_factory.mktemp("shared"))


def test_folder_as_recorded_is_intact(folder):
    result = check_files(folder, RECORDS)
    assert result.intact
    assert result.files == 3
    assert result.bytes == sum(len(content) for content in CONTENTS.values())


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_flipped_bit_is_caught(shared_folder, data):
    name = data.draw(st.sampled_from(sorted(CONTENTS)))
    offset = data.draw(st.integers(0, len(CONTENTS[name]) - 1))
    spoilt = bytearray(CONTENTS[name])
    spoilt[offset] ^= 1 << data.draw(st.integers(0, 7))
    (shared_folder / name).write_bytes(spoilt)
    try:
        assert check_files(shared_folder, RECORDS).changed == (name,)
    finally:
        (shared_folder / name).write_bytes(CONTENTS[name])
    assert check_files(shared_folder, RECORDS).intact


def test_file_cut_short_or_grown_is_changed(folder):
    (folder / "model.onnx").write_bytes(CONTENTS["model.onnx"][:-1])
    (folder / "config.json").write_bytes(CONTENTS["config.json"] + b" ")
    assert check_files(folder, RECORDS).changed == ("config.json", "model.onnx")


def test_right_content_under_a_record_of_another_length_is_changed(folder):
    longer = FileRecord(RECORDS["config.json"].sha256, RECORDS["config.json"].bytes + 1)
    assert check_files(folder, RECORDS | {"config.json": longer}).changed == ("config.json",)


def test_missing_and_unexpected_files_are_named(folder):
    (folder / "config.json").unlink()
    (folder / "parts" / "run.py").write_text("raise SystemExit")
    result = check_files(folder, RECORDS)
    assert result.missing == ("config.json",)
    assert result.unexpected == ("parts/run.py",)
    assert not result.intact


def test_ignored_names_may_stand_there_but_recorded_ones_are_checked_all_the_same(folder):
    (folder / "manifest.json").write_text("{}")
    (folder / "model.onnx").write_bytes(b"")
    result = check_files(folder, RECORDS, ignore={"manifest.json", "model.onnx"})
    assert result.unexpected == ()
    assert result.changed == ("model.onnx",)


@pytest.mark.parametrize(
    "name",
    (
        *(
            "/etc/hostname",
            "../secret",
            "parts/../../secret",
            "parts/../config.json",
            "",
            ".",
            "./config.json",
            "parts//vocab.txt",
            "a\0b",
        ),
        *("..\\secret", "C:/secret", "C:secret", "\\\\host\\share", "parts/", "~/../../x"),
    ),
)
def test_unsafe_names_are_listed_and_never_opened(folder, name, monkeypatch):
    (folder.parent / "secret").write_bytes(b"secret")
    opened = []
    real_open = Path.open
    monkeypatch.setattr(Path, "open", lambda path, *rest, **more: opened.append(path) or real_open(path, *rest, **more))
    result = check_files(folder, {**RECORDS, name: record_of(b"secret")})
    assert result.unsafe == (name,)
    assert sorted(opened) == sorted(folder.resolve() / known for known in CONTENTS)


def test_absolute_name_is_unsafe_even_inside_the_folder(folder):
    name = str(folder.resolve() / "config.json")
    assert check_files(folder, {name: RECORDS["config.json"]}).unsafe == (name,)


def test_link_out_of_the_folder_is_unsafe_and_one_inside_is_not(folder):
    (folder.parent / "secret").write_bytes(b"secret")
    (folder / "out").symlink_to("../secret")
    (folder / "inside").symlink_to("model.onnx")
    records = {**RECORDS, "out": record_of(b"secret"), "inside": RECORDS["model.onnx"]}
    result = check_files(folder, records)
    assert result.unsafe == ("out",)
    assert result.changed == result.unexpected == ()


def in_the_hubs_cache(tmp_path):
    """CONTENTS as the hub's client keeps them: links from a snapshot to blobs."""
    snapshot = tmp_path / "models--me--mine" / "snapshots" / "abc"
    blobs = tmp_path / "models--me--mine" / "blobs"
    blobs.mkdir(parents=True)
    for number, (name, content) in enumerate(CONTENTS.items()):
        (blobs / str(number)).write_bytes(content)
        (snapshot / name).parent.mkdir(parents=True, exist_ok=True)
        (snapshot / name).symlink_to(os.path.relpath(blobs / str(number), (snapshot / name).parent))
    return snapshot


def test_links_of_the_hubs_cache_are_read_and_a_changed_or_missing_blob_is_a_fault(tmp_path):
    snapshot = in_the_hubs_cache(tmp_path)
    assert check_files(snapshot, RECORDS).intact
    blobs = tmp_path / "models--me--mine" / "blobs"
    (blobs / "0").write_bytes(CONTENTS["config.json"][:-1] + b"]")
    (blobs / "1").unlink()
    result = check_files(snapshot, RECORDS)
    assert (result.changed, result.missing, result.unsafe) == (("config.json",), ("model.onnx",), ())


def test_a_link_from_a_snapshot_to_anywhere_else_is_unsafe(tmp_path):
    snapshot = in_the_hubs_cache(tmp_path)
    for elsewhere in (tmp_path / "blobs" / "1", tmp_path / "models--me--other" / "blobs" / "1", tmp_path / "secret"):
        elsewhere.parent.mkdir(parents=True, exist_ok=True)
        elsewhere.write_bytes(CONTENTS["model.onnx"])
        (snapshot / "model.onnx").unlink()
        (snapshot / "model.onnx").symlink_to(elsewhere)
        assert check_files(snapshot, RECORDS).unsafe == ("model.onnx",)


def test_folder_that_is_a_link_out_is_unsafe_and_an_unrecorded_one_unexpected(folder):
    outside = write(folder.parent / "outside", {"vocab.txt": b"x"})
    (folder / "linked").symlink_to(outside, target_is_directory=True)
    assert check_files(folder, RECORDS).unexpected == ("linked",)
    assert check_files(folder, {**RECORDS, "linked/vocab.txt": record_of(b"x")}).unsafe == ("linked/vocab.txt",)


def test_loop_of_links_is_unsafe(folder):
    (folder / "one").symlink_to("two")
    (folder / "two").symlink_to("one")
    assert check_files(folder, {**RECORDS, "one": record_of(b"")}).unsafe == ("one",)


@pytest.mark.timeout(10)
def test_pipe_and_folder_in_place_of_a_file_are_changed(folder):
    for name in ("config.json", "model.onnx"):
        (folder / name).unlink()
    os.mkfifo(folder / "config.json")
    (folder / "model.onnx").mkdir()
    # A pipe has no length, so that only its kind tells it from an empty file.
    assert check_files(folder, RECORDS | {"config.json": record_of(b"")}).changed == ("config.json", "model.onnx")


def test_folder_reached_through_a_link_is_checked_like_any_other(folder, tmp_path):
    (tmp_path / "latest").symlink_to(folder)
    assert check_files(tmp_path / "latest", RECORDS).intact


def test_no_folder_is_an_error(tmp_path):
    with pytest.raises(ValidatorError, match="nowhere"):
        check_files(tmp_path / "nowhere", RECORDS)


def test_sha256_reads_the_whole_file(tmp_path):
    content = os.urandom(3 * 2**20 + 17)
    (tmp_path / "large").write_bytes(content)
    assert sha256_of(tmp_path / "large") == hashlib.sha256(content).hexdigest()
