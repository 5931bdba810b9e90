"""Texts of any length cut into pieces as long as the texts that a classifier reads."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

# What is longer or shorter than all but this share of the training texts is not of their kind.
_TAIL = 0.05


def pieces(texts: Iterable[str], lengths: Sequence[int], seed: int) -> Iterator[str]:
    """Paragraphs as headlines: what is too long to be a training text is cut, what is too short is left out.

    A teacher of headlines was never asked about paragraphs, and a student that learns from it at that length learns
    something that it is not going to be asked either.

    Args:
        texts: words are what stands between white space.
        lengths: words of each training text, at least one.
        seed: of the lengths that are drawn.

    Yields:
        Whole texts that are no longer than all but the longest 5 % of the training texts; of others, consecutive
        pieces, each as long as a training text drawn at random. What has fewer words than all but the shortest 5 % of
        the training texts is left out.
    """
    generator = random.Random(seed)
    fewest, most = (float(bound) for bound in np.quantile(lengths, [_TAIL, 1 - _TAIL]))
    for text in texts:
        words = text.split()
        for piece in [words] if len(words) <= most else _cut(words, lengths, generator):
            if len(piece) >= fewest:
                yield " ".join(piece)


def _cut(words: Sequence[str], lengths: Sequence[int], generator: random.Random) -> Iterator[Sequence[str]]:
    start = 0
    while start < len(words):
        end = start + max(1, generator.choice(lengths))
        yield words[start:end]
        start = end
