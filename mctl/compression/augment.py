"""Altered copies of the training texts: what a student may ask its teacher when there are few texts.

A teacher can label any text. Where labelled texts are few, asking it about variations of them teaches the student more
of the teacher's function than repeating the same texts does (the augmentation of Jiao et al. 2020, arXiv 1909.10351,
section 4.2, which replaces words by what BERT and GloVe propose; here nothing but the texts themselves is needed).
"""

from __future__ import annotations

import random
from collections.abc import Sequence

# Share of the words that a copy loses. Headlines of a dozen words lose one or two.
_DROPPED = 0.15


def altered(texts: Sequence[str], copies: int, seed: int) -> list[str]:
    """`copies` variations of every text: half of them lack some words, half continue with the end of another text.

    Args:
        texts: as they are trained on; words are what stands between white space.
        copies: variations of each text.
        seed: of all that is random.

    Returns:
        (texts * copies) texts, copy after copy, each in the order of `texts`; none is empty.
    """
    generator = random.Random(seed)
    words = [text.split() for text in texts]
    return [
        _without_some(own, generator) if generator.random() < 0.5 else _spliced(own, generator.choice(words), generator)
        for _ in range(copies)
        for own in words
    ]


def _without_some(words: list[str], generator: random.Random) -> str:
    kept = [word for word in words if generator.random() >= _DROPPED]
    return " ".join(kept or words)


def _spliced(words: list[str], other: list[str], generator: random.Random) -> str:
    """The beginning of one text and the end of another, cut at the same share of both."""
    share = generator.uniform(0.3, 0.7)
    joined = words[: round(share * len(words))] + other[round(share * len(other)) :]
    return " ".join(joined or words)
