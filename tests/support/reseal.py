"""Artifacts that are damaged and vouch for it: what the hashes cannot find, other checks have to."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mctl.artifact import FileEntry, Manifest, sha256_of


def reseal(folder: Path, change: Callable[[dict[str, Any]], None] = lambda manifest: None) -> None:
    """Edit a manifest in place, with the digest and the hashes that belong to what is there now."""
    path = folder / "manifest.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    manifest = Manifest.model_validate(content)
    files = {
        name: FileEntry(sha256=sha256_of(folder / name), bytes=(folder / name).stat().st_size)
        if (folder / name).is_file()
        else entry
        for name, entry in manifest.files.items()
    }
    complete = manifest.model_copy(update={"files": files}).digested()
    path.write_text(complete.model_dump_json(indent=2), encoding="utf-8")
