"""What a planted fault is, and what planting needs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mctl.artifact import FileEntry, Manifest, sha256_of

EXPORT, SOURCE, TEACHER = "artifacts/prune25-distill-fp16", "artifacts/prune25-distill", "artifacts/teacher"
VALIDATE = ("validate", EXPORT, "--no-emissions", "--repeats", "2", "--quiet")


@dataclass(frozen=True)
class Fault:
    """One way for things to go wrong.

    Attributes:
        name: in words.
        plant: does it, to a copy of the folder.
        command: what a user would run next.
        words: at least one of them must be in what the command says.
        codes: exit codes that count as caught.
    """

    name: str
    plant: Callable[[Path], None]
    command: tuple[str, ...] = VALIDATE
    words: tuple[str, ...] = ()
    codes: tuple[int, ...] = (1, 2)


def reseal(folder: Path, change: Callable[[dict[str, Any]], None] = lambda manifest: None) -> None:
    """New hashes and a new digest over whatever the files are now: what follows has to be found without them."""
    path = folder / "manifest.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    manifest = Manifest.model_validate(content)
    files = {
        name: FileEntry(sha256=sha256_of(folder / name), bytes=(folder / name).stat().st_size)
        for name in manifest.files
        if (folder / name).is_file()
    }
    complete = manifest.model_copy(update={"files": {**manifest.files, **files}}).digested()
    path.write_text(complete.model_dump_json(indent=2), encoding="utf-8")


def cut(path: Path) -> None:
    """The second half of a file is gone."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
