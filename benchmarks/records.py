"""Results that took hours to make, a JSON line each, so that a table can grow over many runs and machines."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Outcome:
    """One student and its teacher on the same unseen texts.

    Attributes:
        removed_percent: of the encoder's prunable weights, as the manifest has it.
        texts: how many there are.
        teacher_right: which texts the teacher labels as their author did, a bit each, in hexadecimal.
        student_right: the same of the student.
        command: what made the student.
        commit: of mctl.
    """

    data: str
    encoder: str
    seed: int
    level: int
    method: str
    removed_percent: float
    texts: int
    teacher_right: str
    student_right: str
    command: str
    commit: str

    @property
    def teacher(self) -> np.ndarray:
        return unpacked(self.teacher_right, self.texts)

    @property
    def student(self) -> np.ndarray:
        return unpacked(self.student_right, self.texts)


def packed(right: np.ndarray) -> str:
    """(texts,) bool as hexadecimal digits."""
    return np.packbits(right).tobytes().hex()


def unpacked(digits: str, texts: int) -> np.ndarray:
    """The reverse of `packed`, as floats."""
    return np.unpackbits(np.frombuffer(bytes.fromhex(digits), np.uint8))[:texts].astype(float)


def recorded(path: Path) -> Iterator[Outcome]:
    """What `path` holds; nothing where there is no such file."""
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            fields: dict[str, Any] = json.loads(line)
            yield Outcome(**fields)


def add(path: Path, outcome: Outcome) -> None:
    """One more line. Several runs may write the same file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(outcome), ensure_ascii=False) + "\n")


def commit_here() -> str:
    """The commit of the checkout that the benchmark is run from, "-dirty" behind it where files were changed."""
    folder = Path(__file__).resolve().parent
    command = ["git", "-C", str(folder), "describe", "--always", "--abbrev=7", "--dirty"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
