"""`mctl quickstart` writes over nothing that it has not written itself."""

from __future__ import annotations

from pathlib import Path

from refusal import Refused


def test_what_is_not_of_a_quickstart_stays(tmp_path: Path, refused: Refused) -> None:
    for name in ("synthetic.csv", "test.csv", "mctl.toml", "encoder"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / name).write_text("mine")
        refused("quickstart", folder, cwd=tmp_path, words=[name, "NEW_FOLDER"])
