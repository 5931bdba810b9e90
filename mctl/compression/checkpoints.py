"""Checkpoints that are whole, and where a phase that was cut short goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_COMPLETE = "complete"


def mark_complete(checkpoint: Path) -> None:
    """Say that a checkpoint has been written to its end."""
    (checkpoint / _COMPLETE).touch()


def last_complete(folder: Path) -> Path | None:
    """The newest checkpoint that was written to its end; a process can be killed while it writes one."""
    complete = [path.parent for path in folder.glob(f"checkpoint-*/{_COMPLETE}")]
    if not complete:
        return None
    return max(complete, key=lambda path: int(path.name.rpartition("-")[2]))


def best_if_stopped(checkpoint: Path, folder: Path, patience: int | None) -> Path | None:
    """The best checkpoint of a phase whose patience had run out when the process was killed."""
    state = json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    if patience is None or epochs_without_progress(state["log_history"]) < patience:
        return None
    return folder / f"checkpoint-{state['best_global_step']}"


def epochs_without_progress(log: Sequence[Mapping[str, Any]]) -> int:
    """Evaluations since the one with the best dev accuracy; the first of equals counts as the best."""
    scores = [entry["eval_accuracy"] for entry in log if "eval_accuracy" in entry]
    return len(scores) - 1 - scores.index(max(scores)) if scores else 0
