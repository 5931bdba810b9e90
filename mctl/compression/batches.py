"""From numbered rows to padded tensors, with the teacher's lesson beside them; and which process gets which rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from mctl.compression.lessons import Lessons
from mctl.compression.texts import LengthGroupedBatches


class NumberedRows(Dataset[dict[str, Any]]):
    """Tokenised texts that know their number, by which the teacher's outputs are found."""

    def __init__(self, rows: Any) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, number: int) -> dict[str, Any]:
        return {**self.rows[number], "number": number}

    def __getitems__(self, numbers: Sequence[int]) -> list[dict[str, Any]]:
        """A batch in one read, as torch's fetcher asks for it."""
        columns = self.rows[list(numbers)]
        return [
            {name: column[i] for name, column in columns.items()} | {"number": number}
            for i, number in enumerate(numbers)
        ]


class Collator:
    """Pads a batch; adds what the teacher said of its texts, where that has been kept."""

    def __init__(self, tokenizer: Any, lessons: Lessons | None = None) -> None:
        self.tokenizer = tokenizer
        self.lessons = lessons

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        features = [{k: v for k, v in row.items() if k not in {"labels", "number"}} for row in rows]
        batch: dict[str, torch.Tensor] = dict(self.tokenizer.pad(features, return_tensors="pt"))
        batch["labels"] = torch.tensor([row["labels"] for row in rows])
        if self.lessons is not None and "number" in rows[0]:
            batch |= self.lessons.read([row["number"] for row in rows], batch["input_ids"].shape[1])
        return batch


class SharedBatches(Sampler[list[int]]):
    """The batches that one process takes from an order of texts.

    A step of the optimizer takes the next texts of the order, as many as all processes hold in all passes that they
    accumulate. They are cut into as many pieces of equal size, so that every text comes once an epoch and every process
    has as many batches; 2 processes with 8 texts, 2 passes of 8 and 1 of 16 are then steps on the same texts. Where the
    last step has fewer texts than pieces, some of them come twice.

    Args:
        order: of all texts; its batches are the steps.
        batch_size: texts a pass and process.
        passes: accumulated a step.
        processes: how many there are.
        process: which of them this is, from 0.
    """

    def __init__(
        self, order: LengthGroupedBatches, batch_size: int, passes: int = 1, processes: int = 1, process: int = 0
    ) -> None:
        self.order = order
        self.wide = batch_size * processes
        self.passes = passes
        self.processes = processes
        self.process = process

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose batches `__iter__` gives."""
        self.order.set_epoch(epoch)

    def __len__(self) -> int:
        steps, left = divmod(len(self.order), self.wide * self.passes)
        return steps * self.passes + -(-left // self.wide)

    def __iter__(self) -> Iterator[list[int]]:
        texts = iter(self.order)
        while step := list(islice(texts, self.wide * self.passes)):
            passes = -(-len(step) // self.wide)
            pieces = np.array_split(step, passes * self.processes)
            for index in range(passes):
                piece = index * self.processes + self.process
                yield pieces[piece].tolist() or [step[piece % len(step)]]


class EpochLoader(DataLoader[Any]):
    """A loader that is told of the epoch by the Trainer, and tells its sampler."""

    batch_sampler: SharedBatches

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose batches come next."""
        self.batch_sampler.set_epoch(epoch)
