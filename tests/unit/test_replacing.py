"""Putting an artifact where something is: what mctl made is replaced, what it did not make survives or stops it."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from refusal import contents

from mctl.artifact import (
    MANIFEST,
    Artifact,
    Kind,
    Manifest,
    artifacts_in,
    check_replaceable,
    load_artifact,
    newest_artifact,
    no_part_of,
    now,
    seal,
    settle,
    writing,
)
from mctl.errors import UserError
from mctl.ownership import SIGN, is_companion, is_report, is_work, refuse_to_replace, sarif_hash, signed, verdict_name

FACTS = {
    "max_length": 16,
    "layout": {"heads": [2], "ffn": [8]},
    "parameters": {"total": 20, "encoder": 10, "encoder_weights": 8, "embeddings": 8},
}


OLD_SARIF: dict[str, Any] = {
    "version": "2.1.0",
    "runs": [{"tool": {"driver": {"name": "mctl"}}, "results": [{"ruleId": "a", "message": {"text": "it fell"}}]}],
}
SARIF = {**OLD_SARIF, "runs": [{**OLD_SARIF["runs"][0], "properties": {SIGN: sarif_hash(OLD_SARIF)}}]}


@pytest.fixture(autouse=True)
def any_facts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each kind of artifact has facts of its own, which are not what is tested here."""
    monkeypatch.setattr("mctl.artifact.check_facts", lambda kind, facts: None)


def make(folder: Path, content: bytes = b"old", kind: Kind = "teacher", key: str = "k") -> Artifact:
    with writing(folder) as temporary:
        (temporary / "model.safetensors").write_bytes(content)
        (temporary / "sub").mkdir()
        (temporary / "sub" / "vocab.txt").write_bytes(b"a\nb\n" + content)
        return seal(temporary, folder, Manifest(kind=kind, name=folder.name, key=key, created=now(), facts=FACTS))


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def test_a_companion_moves_into_the_artifact_that_replaces_its_own(tmp_path: Path) -> None:
    folder = make(tmp_path / "a").folder
    names = (".DS_Store", "sub/._vocab.txt", ".git/refs/heads/main", ".cache/huggingface/x", "Thumbs.db")
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    (folder / ".git" / "objects").mkdir()
    make(folder, b"new")
    assert weights(folder) == b"new"
    assert {name: (folder / name).read_text() for name in names} == {name: name for name in names}
    assert (folder / ".git" / "objects").is_dir(), "git does not take a folder without it"
    assert list(tmp_path.iterdir()) == [folder]
    load_artifact(folder)


@pytest.mark.parametrize(
    "name", ["notes.txt", "sub/deep/notes.txt", "pytorch_model.bin", ".cache/other/x", "verdicts/x.txt"]
)
def test_a_file_of_the_users_in_an_artifact_stops_it(tmp_path: Path, name: str) -> None:
    folder = make(tmp_path / "a").folder
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("mine")
    before = contents(tmp_path)
    with pytest.raises(UserError, match=f"did not write these files in it.*{name}"):
        make(folder, b"new")
    assert contents(tmp_path) == before


def test_a_link_and_an_empty_folder_in_an_artifact_stop_it_too(tmp_path: Path) -> None:
    folder = make(tmp_path / "a").folder
    (tmp_path / "thesis").mkdir()
    (folder / "link").symlink_to(tmp_path / "thesis")
    with pytest.raises(UserError, match="link"):
        check_replaceable(folder, "teacher")
    (folder / "link").unlink()
    (folder / "plans").mkdir()
    with pytest.raises(UserError, match="plans"):
        check_replaceable(folder, "teacher")


def test_a_changed_file_stops_it_and_a_missing_one_does_not(tmp_path: Path) -> None:
    folder = make(tmp_path / "a").folder
    (folder / "sub" / "vocab.txt").write_bytes(b"a\nb\nolx")
    with pytest.raises(UserError, match=r"changed: sub/vocab\.txt"):
        make(folder, b"new")
    assert weights(folder) == b"old"
    (folder / "sub" / "vocab.txt").unlink()
    make(folder, b"new")
    assert weights(folder) == b"new"
    load_artifact(folder)


def test_what_stands_for_a_file_of_the_artifact_is_not_mctls_if_it_is_a_link(tmp_path: Path) -> None:
    folder = make(tmp_path / "a").folder
    (folder / "model.safetensors").rename(tmp_path / "kept")
    (folder / "model.safetensors").symlink_to(tmp_path / "kept")
    with pytest.raises(UserError, match=r"model\.safetensors"):
        make(folder, b"new")
    assert (tmp_path / "kept").read_bytes() == b"old"


def in_the_way(folder: Path, what: str) -> None:
    elsewhere = folder.parent / "elsewhere"
    if what == "folder":
        folder.mkdir()
        (folder / "thesis.txt").write_text("mine")
    elif what == "empty folder":
        folder.mkdir()
    elif what == "file":
        folder.write_text("mine")
    elif what == "link":
        folder.symlink_to(make(elsewhere).folder)
    elif what == "dangling link":
        folder.symlink_to(elsewhere)
    elif what == "cut manifest":
        make(folder)
        (folder / MANIFEST).write_text((folder / MANIFEST).read_text()[:-40])
    elif what == "edited manifest":
        make(folder)
        (folder / MANIFEST).write_text((folder / MANIFEST).read_text().replace('"k"', '"l"'))
    else:
        make(folder, kind="compressed")


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("folder", "no artifact of mctl: it is kept"),
        ("empty folder", "no artifact of mctl: it is kept"),
        ("file", "is a file and is no artifact of mctl"),
        ("link", "is a link"),
        ("dangling link", "is a link"),
        ("cut manifest", "manifest is damaged"),
        ("edited manifest", "manifest was changed"),
        ("compressed", "the compressed in .* has this name"),
    ],
)
def test_what_is_in_the_way_is_refused_with_the_way_out(tmp_path: Path, what: str, words: str) -> None:
    folder = tmp_path / "a"
    in_the_way(folder, what)
    before = contents(tmp_path)
    with pytest.raises(UserError, match=words) as refused:
        make(folder, b"new")
    assert "--artifacts" in str(refused.value)
    assert contents(tmp_path) == before
    assert os.path.lexists(folder)


VERDICT = {
    "schema_version": 1,
    "verdict": "pass",
    "created": "2026-11-28T06:08:32.5+00:00",
    "artifact": "a",
    "participants": {},
    "checks": [],
    "comparison": None,
}


def test_evidence_of_an_export_stays_when_it_is_made_again(tmp_path: Path) -> None:
    folder = make(tmp_path / "a", kind="export").folder
    (folder / "validation.json").write_text(json.dumps(VERDICT))
    (folder / "validation.html").write_bytes(signed(b"<p>x</p>"))
    (folder / "README.md").write_bytes(signed(b"# a\n"))
    (folder / "verdicts").mkdir()
    (folder / "verdicts" / "20261127T060832.500000Z-cuda.json").write_text(json.dumps(VERDICT | {"verdict": "fail"}))
    make(folder, b"new", kind="export")
    assert json.loads((folder / "verdicts" / "20261128T060832.500000Z-cpu.json").read_text()) == VERDICT
    assert json.loads((folder / "verdicts" / "20261127T060832.500000Z-cuda.json").read_text())["verdict"] == "fail"
    assert sorted(path.name for path in folder.iterdir()) == [MANIFEST, "model.safetensors", "sub", "verdicts"]


def test_a_card_without_a_verdict_stays_when_an_export_is_made_again(tmp_path: Path) -> None:
    folder = make(tmp_path / "a", kind="export").folder
    (folder / "README.md").write_bytes(signed(b"# a\n") + b"Ask Asha before you use it.\n")
    assert not is_report(folder / "README.md")
    make(folder, b"new", kind="export")
    assert (folder / "README.md").read_bytes().endswith(b"Ask Asha before you use it.\n")
    (folder / "README.md").write_text("# mine, from the beginning")
    make(folder, b"newer", kind="export")
    assert (folder / "README.md").read_text() == "# mine, from the beginning"


@pytest.mark.parametrize(
    "told",
    [
        b"Its verdict of 2026-11-28: **pass** on cpu, on the test split of news.csv.",
        b"---\nmodel-index:\n- name: a\n---\n",
        b"**It has no verdict**: its validation of 2026-11-28 ended with an error.",
    ],
)
def test_an_edited_card_with_a_verdict_stops_the_export_that_it_would_speak_for(tmp_path: Path, told: bytes) -> None:
    folder = make(tmp_path / "a", kind="export").folder
    (folder / "README.md").write_bytes(signed(b"# a\n" + told) + b"Ask Asha before you use it.\n")
    before = contents(tmp_path)
    with pytest.raises(UserError, match=r"README\.md, which was changed, tells the verdict on this one.*--artifacts"):
        make(folder, b"new", kind="export")
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("name", "content", "ours"),
    [
        ("x.json", json.dumps(VERDICT), True),
        ("x.json", json.dumps({"schema_version": 1, "verdict": "pass"}), False),
        ("x.json", json.dumps(VERDICT | {"created": "yesterday"}), False),
        ("x.json", json.dumps({name: value for name, value in VERDICT.items() if name != "checks"}), False),
        ("x.json", json.dumps(VERDICT | {"participants": "mine"}), False),
        ("x.json", json.dumps(VERDICT | {"verdict": "mine"}), False),
        ("x.json", json.dumps(VERDICT | {"provider": "../../x"}), False),
        ("x.json", json.dumps({"schema_version": 1, "points": []}), False),
        ("x.json", "[" * 100_000, False),
        ("x.html", signed(b"<p>x</p>").decode(), True),
        ("x.html", "<p>Written by mctl</p>", False),
        ("x.html", signed(b"<p>x</p>").decode() + "mine", False),
        ("x.html", signed(b"<p>x</p>").decode().replace("x", "y"), False),
        ("x.svg", signed(b"<svg/>").decode().replace("svg", "SVG", 1), False),
        ("x.xml", signed(b'<x package="mctl"/>').decode() + "<!-- mine -->", False),
        ("x.xml", '<x package="mctl"/>', False),
        ("x.xml", signed(b'<x package="mctl"/>').decode(), True),
        ("x.html", "<meta content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">", False),
        ("x.sarif", '{"about": {"name": "mctl"}}', False),
        ("x.sarif", json.dumps(SARIF), True),
        ("x.sarif", json.dumps(SARIF).replace("fell", "rose"), False),
        ("x.sarif", json.dumps(OLD_SARIF), True),
        ("x.sarif", json.dumps(OLD_SARIF).replace('"message"', '"suppressions": [], "message"'), False),
        ("x.txt", json.dumps(VERDICT), False),
    ],
)
def test_what_makes_a_file_a_report_of_mctl(tmp_path: Path, name: str, content: str, ours: bool) -> None:
    (tmp_path / name).write_text(content)
    assert is_report(tmp_path / name) is ours


def test_a_verdict_that_was_edited_since_it_was_kept_stops_it(tmp_path: Path) -> None:
    folder = make(tmp_path / "a", kind="export").folder
    (folder / "verdicts").mkdir()
    (folder / "verdicts" / "20261128T060832.500000Z-cpu.json").write_text(json.dumps(VERDICT))
    (folder / "validation.json").write_text(json.dumps(VERDICT | {"reviewed_by": "Asha"}))
    before = contents(tmp_path)
    with pytest.raises(UserError, match=r"changed: validation\.json"):
        make(folder, b"new", kind="export")
    assert contents(tmp_path) == before
    (folder / "validation.json").write_text(json.dumps(VERDICT))
    make(folder, b"new", kind="export")


def test_a_verdict_without_a_time_is_no_verdict_and_stops_it(tmp_path: Path) -> None:
    """A verdict that somebody edited."""
    folder = make(tmp_path / "a", kind="export").folder
    (folder / "validation.json").write_text('{"schema_version": 1, "verdict": "pass"}')
    assert verdict_name((folder / "validation.json").read_bytes()) is None
    with pytest.raises(UserError, match=r"changed: validation\.json"):
        make(folder, b"new", kind="export")


@pytest.mark.parametrize(
    ("changes", "provider"),
    [
        ({}, "cpu"),
        ({"provider": "cuda"}, "cuda"),
        ({"comparison": {"measured_with": {"provider": "cuda"}}}, "cuda"),
        ({"provider": "cpu", "comparison": {"measured_with": {"provider": "cuda"}}}, "cpu"),
        ({"comparison": {"measured_with": {"provider": "tpu"}}}, "cpu"),
        ({"comparison": "none"}, "cpu"),
    ],
)
def test_the_name_of_a_verdict_has_its_time_and_provider(changes: dict[str, object], provider: str) -> None:
    assert verdict_name(json.dumps(VERDICT | changes).encode()) == f"20261128T060832.500000Z-{provider}.json"
    assert verdict_name(json.dumps(VERDICT | changes | {"verdict": "error"}).encode()) is None


def test_an_edited_card_of_a_model_stops_it(tmp_path: Path) -> None:
    with writing(tmp_path / "a") as temporary:
        (temporary / "README.md").write_text("card of mctl")
        seal(temporary, tmp_path / "a", Manifest(kind="teacher", name="a", key="k", created=now(), facts=FACTS))
    (tmp_path / "a" / "README.md").write_text("my own words")
    with pytest.raises(UserError, match=r"README\.md"):
        make(tmp_path / "a")
    assert (tmp_path / "a" / "README.md").read_text() == "my own words"


def killed_at(folder: Path, call: int) -> None:
    """Replace an artifact in a process that is killed before its n-th change of a name."""
    seen = 0

    def or_die(real: object) -> object:
        def changed(*arguments: object, **more: object) -> object:
            nonlocal seen
            # What happens inside of the new files themselves is not yet a replacement.
            if ".tmp/new/" not in str(arguments[0]):
                seen += 1
                if seen == call:
                    os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **more)  # type: ignore[operator]

        return changed

    for name in ("rename", "unlink", "rmdir"):
        setattr(Path, name, or_die(getattr(Path, name)))
    make(folder, b"new")
    os._exit(0)


@pytest.mark.parametrize("reader", ["load", "newest", "make"])
def test_killed_at_any_point_of_a_replacement_an_artifact_is_there_and_nothing_is_lost(
    tmp_path: Path, reader: str
) -> None:
    seen = set()
    for call in range(1, 30):
        root = tmp_path / str(call)
        folder = make(root / "a").folder
        (folder / ".DS_Store").write_text("of macOS")
        child = multiprocessing.get_context("fork").Process(target=killed_at, args=(folder, call))
        child.start()
        child.join()
        if reader == "load":
            load_artifact(folder)
        elif reader == "newest":
            assert newest_artifact(root, ("teacher",)) is not None
        else:
            make(folder, b"newer")
        settle(folder)
        assert (folder / ".DS_Store").read_text() == "of macOS"
        assert not list(root.glob(".*.tmp/old")), "the old one waits for nobody"
        seen.add(weights(load_artifact(folder).folder))
        if child.exitcode == 0:
            break
    assert call > 6, "the replacement has steps of its own"
    assert seen == ({b"newer"} if reader == "make" else {b"new", b"old"})


@pytest.mark.parametrize(("cut", "left"), [("new", b"old"), ("old", b"new")])
def test_of_an_interrupted_replacement_the_whole_one_comes_back(tmp_path: Path, cut: str, left: bytes) -> None:
    """A machine that lost its power may have kept the names of files and not what they hold."""
    place = tmp_path / ".a.12345678.tmp"
    make(tmp_path / "a").folder.rename(tmp_path / "first")
    made = make(tmp_path / "a", b"new").folder
    place.mkdir()
    (place / "written-by-mctl").write_text("a")
    made.rename(place / "new")
    (tmp_path / "first").rename(place / "old")
    (place / cut / "model.safetensors").write_bytes(b"")
    load_artifact(tmp_path / "a")
    assert weights(tmp_path / "a") == left
    assert (place / cut / "model.safetensors").exists(), "not as mctl wrote it: kept"


def test_a_hidden_folder_without_the_mark_is_the_users(tmp_path: Path) -> None:
    own = tmp_path / ".a.12345678.tmp"
    (own / "old").mkdir(parents=True)
    (own / "old" / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match="no artifact here"):
        load_artifact(tmp_path / "a")
    make(tmp_path / "a")
    assert (own / "old" / "thesis.txt").read_text() == "mine"


def test_files_are_as_readable_as_the_umask_says(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with writing(tmp_path / "a") as temporary:
            (temporary / "model.safetensors").write_bytes(b"x")
            (temporary / "model.safetensors").chmod(0o600)
            (temporary / "sub").mkdir(mode=0o700)
            (temporary / "sub" / "x").touch(mode=0o600)
            seal(temporary, tmp_path / "a", Manifest(kind="teacher", name="a", key="k", created=now(), facts=FACTS))
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "a").rglob("*")}
    assert modes == {"model.safetensors": 0o644, "sub": 0o755, "x": 0o644, MANIFEST: 0o644}


def test_a_file_that_may_not_be_read_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make(tmp_path / "a").folder
    real = os.access
    denied = {"model.safetensors"}
    monkeypatch.setattr(os, "access", lambda path, mode, **more: Path(path).name not in denied and real(path, mode))
    with pytest.raises(UserError, match=r"model\.safetensors: you have no permission to read"):
        load_artifact(folder)


def in_the_hubs_cache(folder: Path, repository: Path, below: str = "") -> Path:
    """An artifact as the hub's client keeps it: links to blobs."""
    snapshot = repository / "snapshots" / "abc" / below
    for path in (path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder)
        blob = repository / "blobs" / f"{len(list(repository.glob('blobs/*')))}"
        blob.parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(path.read_bytes())
        link = snapshot / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(blob, link.parent))
    return snapshot


@pytest.mark.parametrize("below", ["", "artifacts/a"])
def test_links_of_the_hubs_cache_are_followed(tmp_path: Path, below: str) -> None:
    made = make(tmp_path / "a")
    snapshot = in_the_hubs_cache(made.folder, tmp_path / "models--me--a", below)
    assert load_artifact(snapshot).manifest == made.manifest
    link = snapshot / "model.safetensors"
    (tmp_path / "secret").write_bytes(b"old")
    for elsewhere in (
        tmp_path / "secret",
        tmp_path / "blobs" / "1",
        tmp_path / "models--me--a" / "blobs" / "deep" / "x",
    ):
        elsewhere.parent.mkdir(exist_ok=True)
        elsewhere.write_bytes(b"old")
        link.unlink()
        link.symlink_to(elsewhere)
        with pytest.raises(UserError, match="outside the artifact"):
            load_artifact(snapshot)


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        (".DS_Store", True),
        ("sub/.DS_Store", True),
        ("._model.safetensors", False),
        ("._x", True),
        (".gitignore", True),
        (".git/objects/ab/cd", True),
        (".cache/huggingface/download/model.safetensors.metadata", True),
        (".cache/huggingface/evil.pkl", False),
        (".cache/other", False),
        ("desktop.ini", True),
        ("__MACOSX/._config.json", True),
        ("pytorch_model.bin", False),
        ("tokenization.py", False),
        (".nfs0000000001a2b3c4", True),
        ("notes.txt", False),
    ],
)
def test_companions(tmp_path: Path, name: str, theirs: bool) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_bytes(b"x")
    assert is_companion(tmp_path, name) is theirs
    assert (name in no_part_of(tmp_path)) is theirs


def test_what_macos_keeps_of_a_model_file_is_known_by_its_content_and_a_link_is_no_companion(tmp_path: Path) -> None:
    (tmp_path / "._model.safetensors").write_bytes(b"\x00\x05\x16\x07rest")
    assert is_companion(tmp_path, "._model.safetensors")
    (tmp_path / ".DS_Store").symlink_to("._model.safetensors")
    assert not is_companion(tmp_path, ".DS_Store")


@pytest.mark.parametrize(
    ("name", "content", "ours"),
    [
        ("checkpoint-12/model.safetensors", b"\x10\0\0\0\0\0\0\0{", True),
        ("checkpoint-12/model.safetensors", b"", True),
        ("checkpoint-12/model.safetensors", b"mine, not tensors", False),
        ("checkpoint-12/mine.safetensors", b"\x10\0\0\0\0\0\0\0{", False),
        ("ramp/checkpoint-3/rng_state_1.pth", b"PK\x03\x04", True),
        ("ramp/checkpoint-3/rng_state_1.pth", b"mine", False),
        ("labels/logits.npy", b"\x93NUMPY\x01", True),
        ("labels/thesis.npy", b"\x93NUMPY\x01", False),
        ("settled.json", b'{"goal_us": 1}', True),
        ("settled.json", b"mine", False),
        ("checkpoint-12/complete", b"mine", False),
        ("tokens-x1_y/tmp1", b"mine", True),
        ("tokens-x1_y/notes.txt", b"mine", False),
        ("checkpoint-12/notes.txt", b"", False),
        ("thesis/model.safetensors", b"", False),
        ("config.json", b"{}", False),
        ("lock/x", b"", False),
    ],
)
def test_files_in_a_work_folder_are_known_by_name_and_beginning(
    tmp_path: Path, name: str, content: bytes, ours: bool
) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_bytes(content)
    assert is_work(tmp_path, name) is ours


@pytest.mark.parametrize("what", ["file", "folder", "dangling link"])
def test_a_place_that_is_taken(tmp_path: Path, what: str) -> None:
    refuse_to_replace(tmp_path / "x", "--output")
    in_the_way(tmp_path / "x", what)
    with pytest.raises(UserError, match=r"in the way.*--output"):
        refuse_to_replace(tmp_path / "x", "--output")


def test_of_two_that_replace_an_artifact_at_once_one_is_told_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make(tmp_path / "a", b"first").folder
    make(tmp_path / "b" / "a", b"another")
    rename = Path.rename

    def meanwhile(self: Path, target: Path) -> Path:
        if self.name == "new":
            rename(tmp_path / "b" / "a", folder)
            (tmp_path / "b").rmdir()
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", meanwhile)
    with pytest.raises(UserError, match="another command"):
        make(folder, b"mine")
    assert weights(folder) == b"another"
    settle(folder)
    assert weights(folder) == b"another"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_an_end_of_another_process_just_now_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / ".a.12345678.tmp"
    monkeypatch.setattr("mctl.artifact._interrupted", lambda *_: [gone])
    settle(tmp_path / "a")
    assert artifacts_in(tmp_path, ("teacher",)) == []
