"""Texts as token ids, and batches of texts of similar length."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import datasets
import torch
from torch.utils.data import Sampler

logger = logging.getLogger(__name__)


def tokenized(tokenizer: Any, texts: Sequence[str], labels: Sequence[int] | None, max_length: int) -> Any:
    """A `datasets.Dataset` of token ids, and of labels where there are any.

    Args:
        texts: the raw texts.
        labels: class numbers, one a text.
        max_length: texts are cut to this many tokens.
    """
    columns: dict[str, Any] = {"text": list(texts)}
    if labels is not None:
        columns["labels"] = list(labels)

    def tokenize(batch: Mapping[str, list[str]]) -> Mapping[str, Any]:
        encoded: Mapping[str, Any] = tokenizer(batch["text"], truncation=True, max_length=max_length)
        return encoded

    datasets.disable_progress_bars()
    rows = datasets.Dataset.from_dict(columns)
    return rows.map(tokenize, batched=True, remove_columns=["text"], load_from_cache_file=False)


def truncated_count(tokenizer: Any, texts: Sequence[str], max_length: int) -> int:
    """How many texts have more than `max_length` tokens, special tokens included."""
    encoded = tokenizer(list(texts), truncation=False, add_special_tokens=True, verbose=False)
    return sum(len(ids) > max_length for ids in encoded["input_ids"])


class LengthGroupedBatches(Sampler[int]):
    """A random order in which neighbours have similar lengths, so that batches need little padding.

    transformers' own sampler draws from the global generator, so a run that resumes inside an epoch sees another order.
    This one depends on the seed and the epoch alone.

    Args:
        lengths: tokens of each text.
        batch_size: texts a step; groups of fifty batches are shuffled, then sorted inside.
        seed: of the order.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        self.lengths = torch.tensor(lengths)
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order `__iter__` gives."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        shuffled = torch.randperm(len(self.lengths), generator=generator)
        batches: list[torch.Tensor] = []
        for group in torch.split(shuffled, self.batch_size * 50):
            by_length = group[self.lengths[group].argsort(descending=True, stable=True)]
            batches += torch.split(by_length, self.batch_size)
        # The longest batch comes first, so that a batch that does not fit in memory fails at once; a short one stays
        # last, since the batch sampler cuts the order every `batch_size` texts.
        whole = [batch for batch in batches if len(batch) == self.batch_size]
        rest = [batch for batch in batches if len(batch) < self.batch_size]
        longest = max(range(len(whole)), key=lambda i: int(self.lengths[whole[i][0]]), default=None)
        order = torch.randperm(len(whole), generator=generator).tolist()
        if longest is not None:
            order.remove(longest)
            order.insert(0, longest)
        yield from torch.cat([whole[i] for i in order] + rest).tolist()
