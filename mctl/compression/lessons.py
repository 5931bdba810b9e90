"""The teacher's outputs, computed once for every training text and read back batch by batch.

A phase of ten epochs asks the teacher ten times the same. Logits are a few numbers a text and are always kept. Hidden
states are layers times tokens times hidden size: they are kept in half precision in memory-mapped files, as long as
these stay within a limit; reading a batch back costs a copy where computing it costs a forward pass.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mctl.compression.features import Features
from mctl.compression.teacher import Lesson, Teacher
from mctl.processes import by_main
from mctl.progress import Progress

_COMPLETE = "complete"
_BATCH = 64
_BYTES_PER_NUMBER = 2
# Never more than this share of what is free on the disk.
_OF_FREE_DISK = 0.5


@dataclass(frozen=True)
class Lessons:
    """Outputs of a teacher for all training texts.

    Attributes:
        logits: (texts, classes) float32.
        starts: (texts + 1,) where each text's tokens begin in the files of features.
        hidden: (tokens of all texts, layers, hidden) float16, or None.
        relations: (tokens of all texts, 3, width) float16, or None.
    """

    logits: Any
    starts: Any
    hidden: Any
    relations: Any

    def read(self, texts: Sequence[int], tokens: int) -> dict[str, torch.Tensor]:
        """A batch as the trainer's collator hands it on.

        Args:
            texts: numbers of training texts.
            tokens: length that the batch is padded to.

        Returns:
            `teacher_logits` (batch, classes), and, where they are kept, `teacher_hidden` (batch, tokens, layers,
            hidden) and `teacher_relations` (batch, tokens, 3, width), with zeros for padding.
        """
        found = {"teacher_logits": torch.from_numpy(self.logits[list(texts)])}
        for name, store in (("teacher_hidden", self.hidden), ("teacher_relations", self.relations)):
            if store is None:
                continue
            padded = np.zeros((len(texts), tokens, *store.shape[1:]), dtype=store.dtype)
            for row, text in enumerate(texts):
                own = store[self.starts[text] : self.starts[text + 1]]
                padded[row, : len(own)] = own
            found[name] = torch.from_numpy(padded)
        return found


def lesson_of(batch: dict[str, torch.Tensor]) -> Lesson:
    """The lesson in a batch that `Lessons.read` filled."""
    hidden, relations = batch.get("teacher_hidden"), batch.get("teacher_relations")
    return Lesson(
        batch["teacher_logits"],
        Features(
            [] if hidden is None else list(hidden.unbind(2)), [] if relations is None else list(relations.unbind(2))
        ),
    )


def bytes_needed(teacher: Teacher, tokens: int) -> int:
    """Size of the files of features for `tokens` tokens."""
    config: Any = teacher.model.config
    width = len(teacher.watch.hidden) + 3 * (teacher.watch.relations is not None)
    return tokens * width * int(config.hidden_size) * _BYTES_PER_NUMBER


def record(
    teacher: Teacher, rows: Any, tokenizer: Any, folder: Path, limit_bytes: int, progress: Progress
) -> Lessons | None:
    """Compute a teacher's outputs for all texts, or read those that an interrupted run has left.

    Args:
        rows: tokenised training texts.
        folder: for the files.
        limit_bytes: features that need more are not kept: the result is then None, and a student that learns from
            them has to ask the teacher in every step.
    """
    complete = folder / _COMPLETE

    def keep() -> None:
        if not complete.exists():
            _keep(teacher, rows, tokenizer, folder, limit_bytes, progress)

    by_main(keep)
    if not complete.exists():
        return None
    return Lessons(*(_open(folder / f"{name}.npy") for name in ("logits", "starts", "hidden", "relations")))


def _keep(teacher: Teacher, rows: Any, tokenizer: Any, folder: Path, limit_bytes: int, progress: Progress) -> None:
    lengths = np.fromiter((len(ids) for ids in rows["input_ids"]), dtype=np.int64, count=len(rows))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    needed = bytes_needed(teacher, int(lengths.sum()))
    if needed > min(limit_bytes, shutil.disk_usage(folder).free * _OF_FREE_DISK):
        progress.say(f"the teacher's outputs would take {needed / 1e9:.1f} GB: it is asked anew in every step.")
        return
    _write(teacher, rows, tokenizer, folder, np.concatenate([[0], lengths.cumsum()]), progress)
    (folder / _COMPLETE).touch()


def _open(path: Path) -> Any:
    return np.load(path, mmap_mode="r", allow_pickle=False) if path.exists() else None


def _write(teacher: Teacher, rows: Any, tokenizer: Any, folder: Path, starts: Any, progress: Progress) -> None:
    """One pass of the teacher over all texts, longest first, so that batches need little padding."""
    np.save(folder / "starts.npy", starts)
    order = np.argsort(-np.diff(starts), kind="stable")
    stores: dict[str, Any] = {}
    progress.start("outputs of the teacher", len(rows))
    for first in range(0, len(rows), _BATCH):
        texts = order[first : first + _BATCH].tolist()
        batch = rows[texts]
        inputs = {name: column for name, column in batch.items() if name != "labels"}
        lesson = teacher.teach(dict(tokenizer.pad(inputs, return_tensors="pt")))
        if not stores:
            stores = _create(folder, lesson, len(rows), int(starts[-1]))
        stores["logits"][texts] = lesson.logits.float().cpu().numpy()
        for name in ("hidden", "relations"):
            if name in stores:
                _fill(stores[name], getattr(lesson.features, name), texts, starts)
        progress.advance(min(first + _BATCH, len(rows)))
    progress.finish()
    for store in stores.values():
        store.flush()


def _create(folder: Path, lesson: Lesson, texts: int, tokens: int) -> dict[str, Any]:
    shapes: dict[str, tuple[Any, tuple[int, ...]]] = {"logits": (np.float32, (texts, lesson.logits.shape[1]))}
    for name in ("hidden", "relations"):
        tensors: list[torch.Tensor] = getattr(lesson.features, name)
        if tensors:
            shapes[name] = (np.float16, (tokens, len(tensors), tensors[0].shape[-1]))
    return {name: _reserved(folder / f"{name}.npy", kind, shape) for name, (kind, shape) in shapes.items()}


def _reserved(path: Path, kind: Any, shape: tuple[int, ...]) -> Any:
    """A new array in a file whose room on the disk is taken at once.

    A mapped file is full of holes at first, and where the disk is full when one is written to, the system ends the
    process; here it is an error like others.
    """
    store = np.lib.format.open_memmap(path, mode="w+", dtype=kind, shape=shape)
    try:
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    except (AttributeError, OSError) as error:  # macOS has no such call, and some file systems have none.
        if getattr(error, "errno", None) not in {None, errno.EOPNOTSUPP, errno.EINVAL}:
            raise
    return store


def _fill(store: Any, tensors: Sequence[torch.Tensor], texts: Sequence[int], starts: Any) -> None:
    stacked = torch.stack(list(tensors), 2).clamp(-65504, 65504).half().cpu().numpy()
    for row, text in enumerate(texts):
        store[starts[text] : starts[text + 1]] = stacked[row, : starts[text + 1] - starts[text]]
