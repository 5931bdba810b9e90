"""Which pieces texts are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from mctl.compression.vocabulary.base import Vocabulary

_BATCH = 1_000


@dataclass(frozen=True)
class Usage:
    """What a tokenizer does with some texts.

    Attributes:
        counts: (ids,) int64, how often each token occurs.
        consulted: pieces that decide over unknown tokens, see `Vocabulary.consulted`.
        texts: how many there were.
        unknown_texts: how many of them have an unknown token.
    """

    counts: np.ndarray
    consulted: frozenset[str]
    texts: int
    unknown_texts: int

    @property
    def used(self) -> np.ndarray:
        """Ids of the tokens that occur, ascending."""
        return np.flatnonzero(self.counts)

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.counts + other.counts,
            self.consulted | other.consulted,
            self.texts + other.texts,
            self.unknown_texts + other.unknown_texts,
        )


def measure_usage(tokenizer: Any, vocabulary: Vocabulary, texts: Iterable[str]) -> Usage:
    """Go through texts once, holding a thousand of them at a time.

    Args:
        tokenizer: a `tokenizers.Tokenizer` that neither cuts nor pads.
        vocabulary: its pieces.
        texts: any number of them.
    """
    counts = np.zeros(max(tokenizer.get_vocab().values()) + 1, np.int64)
    unknown = None if vocabulary.unknown is None else tokenizer.token_to_id(vocabulary.unknown)
    consulted: set[str] = set()
    seen = unknown_texts = 0
    for batch in batches(texts):
        encodings = [encoding.ids for encoding in tokenizer.encode_batch(batch)]
        counts += np.bincount(np.fromiter((i for ids in encodings for i in ids), np.int64), minlength=len(counts))
        doubtful = [text for text, ids in zip(batch, encodings, strict=True) if unknown in ids]
        consulted.update(piece for text in doubtful for piece in vocabulary.consulted(text, tokenizer))
        unknown_texts += len(doubtful)
        seen += len(batch)
    return Usage(counts, frozenset(consulted), seen, unknown_texts)


def batches(texts: Iterable[str]) -> Iterable[Sequence[str]]:
    """A thousand texts at a time."""
    remaining = iter(texts)
    while batch := list(islice(remaining, _BATCH)):
        yield batch
