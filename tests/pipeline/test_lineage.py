"""Exports are told from other folders, also where a manifest is damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from mctl.artifact import artifacts_in, load_artifact
from mctl.errors import UserError
from mctl.pipeline.lineage import export_in

DEEP = b"[" * 100_000


@pytest.mark.parametrize(
    ("content", "is_one"),
    [
        (DEEP, False),
        (b'{"a":' * 100_000, False),
        (b'{"kind": "export", "facts": ' + DEEP, True),
        (b'{"kind": "export", "name": "\xff"', True),
        (b"\xff\xfe", False),
    ],
)
def test_a_manifest_that_cannot_be_read_is_no_crash(content: bytes, is_one: bool, tmp_path: Path) -> None:
    folder = tmp_path / "made"
    folder.mkdir()
    (folder / "manifest.json").write_bytes(content)
    assert export_in(tmp_path) == (folder if is_one else None)
    assert artifacts_in(tmp_path, ("export",)) == []
    with pytest.raises(UserError, match="the manifest is damaged"):
        load_artifact(folder)
