"""`mctl inspect`"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command import mctl

from mctl.artifact import Manifest


@pytest.mark.parametrize("name", ["teacher", "prune25-distill", "prune25-distill-fp16"])
def test_every_kind_shows_its_layout_and_sizes(chain: Path, name: str) -> None:
    ran = mctl("inspect", f"artifacts/{name}", cwd=chain)
    assert ran.code == 0, ran.err
    manifest = Manifest.model_validate_json((chain / "artifacts" / name / "manifest.json").read_bytes())
    facts = manifest.facts
    assert ran.out.startswith(f"{name}  {manifest.kind}")
    assert f"{facts['parameters']['total']:,}" in ran.out
    for heads, rows in zip(facts["layout"]["heads"], facts["layout"]["ffn"], strict=True):
        assert f"{heads}/4" in ran.out
        assert f"{rows}/512" in ran.out, "what was there before pruning is known from the parents"
    assert "\x1b" not in ran.out + ran.err


def test_json_is_the_manifest(chain: Path) -> None:
    ran = mctl("inspect", "--json", cwd=chain)
    assert ran.code == 0, ran.err
    newest = chain / "artifacts" / "prune25-distill-fp16" / "manifest.json"
    assert json.loads(ran.out) == json.loads(newest.read_text())


@pytest.mark.parametrize(("name", "start"), [("layout.png", b"\x89PNG\r\n\x1a\n"), ("below/layout.svg", b"<?xml")])
def test_pictures(copy_of_chain: Path, name: str, start: bytes) -> None:
    ran = mctl("inspect", "artifacts/prune25-distill", "--picture", name, cwd=copy_of_chain)
    assert ran.code == 0, ran.err
    assert (copy_of_chain / name).read_bytes().startswith(start)
    assert f"wrote {name}" in ran.err
