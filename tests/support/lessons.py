"""Tokenised texts without words, and the tokenizer that pads them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import datasets
import torch
from models import VOCABULARY
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from mctl.progress import Silent

CLASSES = 3


def padder() -> Any:
    """A tokenizer of `VOCABULARY` pieces whose padding is 0."""
    vocabulary = {"[PAD]": 0, "[UNK]": 1} | {f"w{number}": number for number in range(2, VOCABULARY)}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    return PreTrainedTokenizerFast(tokenizer_object=words, pad_token="[PAD]", unk_token="[UNK]")


def rows(lengths: Sequence[int], seed: int = 0) -> datasets.Dataset:
    """One text of random pieces a length, with random labels, as `mctl.compression.texts` gives them."""
    generator = torch.Generator().manual_seed(seed)
    ids = [torch.randint(2, VOCABULARY, (length,), generator=generator).tolist() for length in lengths]
    labels = torch.randint(0, CLASSES, (len(lengths),), generator=generator).tolist()
    masks = [[1] * length for length in lengths]
    return datasets.Dataset.from_dict({"input_ids": ids, "attention_mask": masks, "labels": labels})


class Counting(Silent):
    """A `Progress` that remembers what it was told."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.passes = 0

    def start(self, title: str, total: int, done: int = 0) -> None:
        self.passes += 1

    def say(self, text: str) -> None:
        self.said.append(text)
