"""From numbered rows to padded tensors, with the teacher's lesson beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.utils.data import Dataset

from mctl.compression.lessons import Lessons


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
