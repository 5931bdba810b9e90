"""Artifacts that are incomplete, tampered with, of the wrong kind, or not there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command import mctl
from refusal import Refused
from reseal import reseal

EXPORT, COMPRESSED, TEACHER = "prune25-distill-fp16", "prune25-distill", "teacher"
COMMANDS = {
    "export": ("export", f"artifacts/{COMPRESSED}"),
    "validate": ("validate", f"artifacts/{EXPORT}"),
    "inspect": ("inspect", f"artifacts/{EXPORT}"),
    "predict": ("predict", "--artifact", f"artifacts/{EXPORT}", "text"),
}


def cut(folder: Path) -> None:
    path = folder / "manifest.json"
    path.write_bytes(path.read_bytes()[:200])


def edit(folder: Path) -> None:
    path = folder / "manifest.json"
    text = path.read_text(encoding="utf-8")
    assert '"max_length": 16' in text
    path.write_text(text.replace('"max_length": 16', '"max_length": 17'), encoding="utf-8")


def forget(folder: Path) -> None:
    reseal(folder, lambda manifest: manifest["facts"].pop("layout"))


def shorten(folder: Path) -> None:
    path = folder / "config.json"
    path.write_bytes(path.read_bytes()[:-1])


def naming(name: str) -> Callable[[Path], None]:
    """A manifest that lists a file of this name."""

    def change(manifest: dict[str, Any]) -> None:
        manifest["files"][name] = {"sha256": "0" * 64, "bytes": 1}

    return lambda folder: reseal(folder, change)


DAMAGES: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "no manifest": (lambda folder: (folder / "manifest.json").unlink(), ["manifest.json is missing", "mctl export"]),
    "no file": (lambda folder: (folder / "config.json").unlink(), ["config.json is missing", "Make it again"]),
    "short file": (shorten, ["config.json has", "the manifest says", "Make the artifact again"]),
    "cut manifest": (cut, ["manifest.json", "damaged", "Make the artifact again"]),
    "edited manifest": (edit, ["manifest.json", "changed after it was written", "Make the artifact again"]),
    "lost facts": (forget, ["manifest.json", "damaged", "Make the artifact again"]),
    "file above": (naming("../news.csv"), ["outside the artifact", "'../news.csv'", "Do not use"]),
    "file elsewhere": (naming("/etc/passwd"), ["outside the artifact", "'/etc/passwd'", "Do not use"]),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("damage", DAMAGES)
def test_an_artifact_that_is_not_whole(copy_of_chain: Path, refused: Refused, command: str, damage: str) -> None:
    harm, words = DAMAGES[damage]
    name = COMPRESSED if command == "export" else EXPORT
    harm(copy_of_chain / "artifacts" / name)
    words = [f"artifacts/{name}", *words]
    told = command == "validate" and damage != "no manifest"  # Without one, the folder is nothing of ours.
    refused(*COMMANDS[command], cwd=copy_of_chain, words=words, error_report=f"artifacts/{EXPORT}" if told else "")


@pytest.mark.parametrize("parent", ["../elsewhere", "/tmp", ".."])
def test_parents_outside_the_artifacts_folder_are_not_followed(
    copy_of_chain: Path, refused: Refused, parent: str
) -> None:
    export = copy_of_chain / "artifacts" / EXPORT
    (copy_of_chain / "artifacts" / COMPRESSED).rename(copy_of_chain / "elsewhere")
    reseal(export, lambda manifest: manifest["parents"][0].update(name=parent))
    words = [f"artifacts/{EXPORT}/manifest.json", "outside the artifacts folder", repr(parent), "Do not use"]
    refused("validate", f"artifacts/{EXPORT}", cwd=copy_of_chain, words=words, error_report=f"artifacts/{EXPORT}")
    ran = mctl("inspect", f"artifacts/{EXPORT}", cwd=copy_of_chain)
    assert ran.code == 0, "an artifact can be looked at without its parents"


@pytest.mark.parametrize("gone", [COMPRESSED, TEACHER])
def test_a_lineage_with_a_gap_cannot_be_judged(copy_of_chain: Path, refused: Refused, gone: str) -> None:
    (copy_of_chain / "artifacts" / gone / "manifest.json").unlink()
    words = [f"artifacts/{gone}", "no artifact here"]
    refused("validate", cwd=copy_of_chain, words=words, error_report=f"artifacts/{EXPORT}")


def test_a_parent_that_was_made_again_is_another_parent(copy_of_chain: Path, refused: Refused) -> None:
    reseal(copy_of_chain / "artifacts" / COMPRESSED, lambda manifest: manifest.update(created="2020"))
    words = [f"artifacts/{COMPRESSED}", "another prune25-distill than the one that is there", "again"]
    refused("validate", f"artifacts/{EXPORT}", cwd=copy_of_chain, words=words, error_report=f"artifacts/{EXPORT}")


@pytest.mark.parametrize("at", [0, 0.5, 1])
@pytest.mark.parametrize(
    ("role", "name"),
    [
        ("export", f"{EXPORT}/model.onnx"),
        ("source", f"{COMPRESSED}/model.safetensors"),
        ("baseline", f"{TEACHER}/model.safetensors"),
    ],
)
def test_one_flipped_byte_fails_the_verdict_and_names_the_file(
    copy_of_chain: Path, role: str, name: str, at: float
) -> None:
    path = copy_of_chain / "artifacts" / name
    content = bytearray(path.read_bytes())
    content[int(at * (len(content) - 1))] ^= 0x01
    path.write_bytes(content)
    ran = mctl("validate", "--json", cwd=copy_of_chain)
    assert ran.code == 1, ran.err
    result = json.loads(ran.out)
    assert result["verdict"] == "fail"
    (check,) = [check for check in result["checks"] if check["name"] == f"{role}_files"]
    assert check["verdict"] == "fail"
    assert path.name in check["why"]
    assert all(member["latency"] is None for member in result["participants"].values()), "it was run all the same"
    written = json.loads((copy_of_chain / "artifacts" / EXPORT / "validation.json").read_text())
    assert written == result


def test_the_terminal_names_the_tampered_file_too(copy_of_chain: Path) -> None:
    path = copy_of_chain / "artifacts" / COMPRESSED / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")
    ran = mctl("validate", cwd=copy_of_chain)
    assert ran.code == 1, ran.err
    assert "changed: model.safetensors" in ran.out
    assert "verdict: FAIL" in ran.out
    assert "Nothing was measured" in ran.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["export", f"artifacts/{EXPORT}"], [f"artifacts/{EXPORT}", "export already", "a compressed one"]),
        (["validate", f"artifacts/{COMPRESSED}"], [f"artifacts/{COMPRESSED}", "compressed artifact", "mctl export"]),
        (["validate", f"artifacts/{TEACHER}"], [f"artifacts/{TEACHER}", "teacher artifact", "mctl export"]),
        (["validate", "news.csv"], ["news.csv", "no artifact here"]),
        (["predict", "--artifact", "nowhere", "text"], ["nowhere", "no artifact here"]),
        (["inspect", "artifacts"], ["artifacts", "no artifact here"]),
    ],
)
def test_artifacts_of_the_wrong_kind(chain: Path, refused: Refused, arguments: list[str], words: list[str]) -> None:
    refused(*arguments, cwd=chain, words=words)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("run", ["mctl.toml", "no data is named", "mctl init"]),
        ("finetune", ["--model", "no model is named"]),
        ("compress", ["no teacher in artifacts", "--model", "--teacher"]),
        ("export", ["nothing to export in artifacts", "`mctl compress` first"]),
        ("validate", ["no export in artifacts", "`mctl export` first"]),
        ("inspect", ["no artifact in artifacts", "mctl quickstart"]),
        ("predict", ["no artifact in artifacts", "mctl quickstart"]),
    ],
)
def test_in_an_empty_folder_commands_say_what_comes_first(
    tmp_path: Path, refused: Refused, command: str, words: list[str]
) -> None:
    refused(command, cwd=tmp_path, words=words)
    assert not list(tmp_path.iterdir())
