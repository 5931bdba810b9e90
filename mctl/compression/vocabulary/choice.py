"""Which pieces stay, and why."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass

from mctl.compression.vocabulary.base import Vocabulary
from mctl.compression.vocabulary.usage import Usage

Ranking = Callable[[Sequence[int], Sequence[int]], list[int]]
"""Takes ids in use and candidates, and returns the candidates, the most wanted first."""


@dataclass(frozen=True)
class Choice:
    """Ids that stay, each under the first reason that holds for it.

    Attributes:
        special: added tokens, and what the model or the tokenizer refers to by id.
        used: what the texts use.
        fallback: pieces of one character, which take the place of those that go.
        needed: what the others cannot come about without.
        spare: kept for texts to come.
    """

    special: frozenset[int]
    used: frozenset[int]
    fallback: frozenset[int]
    needed: frozenset[int]
    spare: frozenset[int]

    @property
    def kept(self) -> frozenset[int]:
        """All of them."""
        return self.special | self.used | self.fallback | self.needed | self.spare

    def counts(self) -> dict[str, int]:
        """How many stay for each reason."""
        return {name: len(ids) for name, ids in vars(self).items()}


def choose(vocabulary: Vocabulary, usage: Usage, special: Set[int], ranking: Ranking, spare: int) -> Choice:
    """Keep what is used, what it rests on, and the likeliest of the rest.

    Args:
        usage: of the texts whose tokens have to stay as they are.
        special: ids that stay whatever the texts are.
        spare: how many pieces of the rest to keep. They are made of characters that the texts use.
    """
    pieces = vocabulary.pieces
    names = {number: piece for piece, number in pieces.items()}
    used = [number for number in usage.used.tolist() if number in names and number not in special]
    fallback = vocabulary.fallback()
    reached = vocabulary.closed(
        {*fallback, *usage.consulted, *(names[number] for number in {*used, *special} if number in names)}
    )
    alphabet = {character for number in used for character in names[number]}
    candidates = sorted(
        number for piece, number in pieces.items() if piece not in reached and alphabet.issuperset(piece)
    )
    examples = [number for number in used if names[number] not in fallback]
    extra = ranking(examples, candidates)[:spare]
    everything = vocabulary.closed({*reached, *(names[number] for number in extra)})
    return _by_reason(
        set(special),
        set(used),
        {pieces[piece] for piece in fallback},
        {pieces[piece] for piece in reached},
        {pieces[piece] for piece in everything},
    )


def _by_reason(*nested: set[int]) -> Choice:
    """Each id under the first set that has it."""
    seen: set[int] = set()
    parts: list[frozenset[int]] = []
    for ids in nested:
        parts.append(frozenset(ids - seen))
        seen |= ids
    return Choice(*parts)
