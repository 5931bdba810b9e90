"""Hub ids where there is no hub."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import finish, start
from refusal import Refused, complaint, contents


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A local port that refuses connections: bound, so that nobody else takes it, and not listening."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


def test_an_unreachable_hub_is_asked_once(copy_of_sample: Path, closed_port: int) -> None:
    before = contents(copy_of_sample)
    environment = {
        "HF_ENDPOINT": f"http://127.0.0.1:{closed_port}",
        "HF_HUB_OFFLINE": "0",
        "HF_HOME": str(copy_of_sample.parent / "cache"),
        "NO_PROXY": "127.0.0.1",
    }
    ran = finish(start("finetune", "--model", "nobody/nothing", cwd=copy_of_sample, **environment), timeout=90)
    assert ran.code == 2, ran
    message = complaint(ran.err)
    assert "nobody/nothing" in message
    assert "Give a folder, or download the model" in message
    assert "Retry" not in ran.err, "the hub's client asks six times, which takes 40 seconds"
    assert contents(copy_of_sample) == before


MAIN, OTHER = "a" * 40, "b" * 40


@pytest.fixture
def cache(copy_of_sample: Path) -> Path:
    """A cache of the hub's client that holds the sample's encoder as `some/encoder`, on a branch and on a tag."""
    home = copy_of_sample.parent / "hub"
    folder = home / "hub" / "models--some--encoder"
    for reference, commit in {"main": MAIN, "old": OTHER}.items():
        shutil.copytree(copy_of_sample / "encoder", folder / "snapshots" / commit)
        (folder / "refs").mkdir(exist_ok=True)
        (folder / "refs" / reference).write_text(commit)
    return home


@pytest.mark.parametrize(("name", "commit"), [("some/encoder", MAIN), ("some/encoder@old", OTHER)])
def test_the_commit_that_was_used_is_in_the_manifest(copy_of_sample: Path, cache: Path, name: str, commit: str) -> None:
    flags = ("--model", name, "--epochs", "1", "--quiet")
    ran = finish(start("finetune", *flags, cwd=copy_of_sample, HF_HOME=str(cache)), timeout=120)
    assert ran.code == 0, ran.err
    manifest = json.loads((copy_of_sample / "artifacts" / "teacher" / "manifest.json").read_text(encoding="utf-8"))
    assert (manifest["recipe"]["model"]["name"], manifest["recipe"]["model"]["revision"]) == ("some/encoder", commit)


def test_a_tutor_is_pinned_too(copy_of_chain: Path, cache: Path) -> None:
    folder = cache / "hub" / "models--some--encoder" / "snapshots"
    for snapshot in folder.iterdir():
        shutil.rmtree(snapshot)
        shutil.copytree(copy_of_chain / "artifacts" / "teacher", snapshot)
    flags = ("--distill-from", "some/encoder@old", "--name", "tutored", "--ramp-epochs", "1", "--recovery-epochs", "0")
    ran = finish(start("compress", *flags, "--quiet", cwd=copy_of_chain, HF_HOME=str(cache)), timeout=120)
    assert ran.code == 0, ran.err
    manifest = json.loads((copy_of_chain / "artifacts" / "tutored" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["facts"]["tutor"]["revision"] == OTHER


def test_an_adopted_teacher_has_its_commit(copy_of_chain: Path, cache: Path) -> None:
    snapshot = cache / "hub" / "models--some--encoder" / "snapshots" / MAIN
    shutil.rmtree(snapshot)
    shutil.copytree(copy_of_chain / "artifacts" / "teacher", snapshot, ignore=shutil.ignore_patterns("manifest.json"))
    flags = ("--teacher", "some/encoder", "--ramp-epochs", "1", "--recovery-epochs", "0", "--artifacts", "adopted")
    ran = finish(start("compress", *flags, "--quiet", cwd=copy_of_chain, HF_HOME=str(cache)), timeout=120)
    assert ran.code == 0, ran.err
    manifest = json.loads((copy_of_chain / "adopted" / "teacher" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["facts"]["adopted_revision"] == MAIN


def test_two_revisions_are_one_too_many(copy_of_sample: Path, refused: Refused) -> None:
    path = copy_of_sample / "mctl.toml"
    path.write_text(
        path.read_text(encoding="utf-8").replace("[model]", '[model]\nrevision = "v1"', 1), encoding="utf-8"
    )
    refused("finetune", "--model", "some/encoder@v2", cwd=copy_of_sample, words=["'v1'", "'v2'", "Name one"])


def test_models_and_data_that_are_not_in_the_cache_when_offline(copy_of_sample: Path, refused: Refused) -> None:
    refused("finetune", "--model", "nobody/nothing", cwd=copy_of_sample, words=["nobody/nothing", "Give a folder"])
    words = ["nobody/nothing", "the hub does not answer", "download the data elsewhere"]
    refused("finetune", "--data", "nobody/nothing", cwd=copy_of_sample, words=words)
