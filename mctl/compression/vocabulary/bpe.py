"""Byte-pair encodings (Sennrich et al. 2016, arXiv 1508.07909, section 3.2), of bytes as RoBERTa's and of characters.

A word begins as characters; again and again the two neighbours whose merge ranks first become one, the leftmost first.
A piece comes about only through the pieces on the way to it, so these stay as well, and with them the merges whose two
parts and result all stay. Then a word whose pieces all stay goes through the same merges: of those that are possible in
it, the first is always one on the way to its pieces, and it is possible among fewer as well.

Which pieces are on the way does not depend on the word: no merge crosses the ends of a piece that is there in the end,
and the order of those inside is the same alone. So running the merges on the piece itself shows them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any

from mctl.compression.vocabulary.base import Vocabulary, affixed


class BytePairs(Vocabulary):
    """See the module."""

    @property
    def prefix(self) -> str:
        """What all symbols but the first of a word begin with; mostly nothing."""
        return self.model["continuing_subword_prefix"] or ""

    def obstacle(self) -> str | None:
        return "drops merges at random, so that a text has no fixed tokens" if self.model["dropout"] else None

    def characters(self, piece: str) -> list[str]:
        return affixed(piece, self.prefix, self.model["end_of_word_suffix"] or "")

    def closed(self, kept: Iterable[str]) -> set[str]:
        needed = set(kept)
        left = list(needed)
        while left:
            new = self._way_to(left.pop()) - needed
            needed |= new
            left += new
        return needed

    def shrunk(self, kept: Sequence[str]) -> dict[str, Any]:
        numbers = {piece: number for number, piece in enumerate(kept)}
        merges = [pair for pair in self.model["merges"] if {*pair, self._joined(*pair)} <= numbers.keys()]
        return {**self.model, "vocab": numbers, "merges": merges}

    def _joined(self, left: str, right: str) -> str:
        return left + right[len(self.prefix) :]

    def _way_to(self, piece: str) -> set[str]:
        """The pieces that become `piece`.

        Where its own characters do not (it is made of bytes of a rarer character), the parts of every merge that does.
        """
        formed: set[str] = set()
        symbols = self.characters(piece)
        while len(symbols) > 1:
            ranked = [(self._ranks[pair], i) for i, pair in enumerate(pairwise(symbols)) if pair in self._ranks]
            if not ranked:
                break
            _, at = min(ranked)
            formed |= {symbols[at], symbols[at + 1]}
            symbols[at : at + 2] = [self._joined(symbols[at], symbols[at + 1])]
        return formed if symbols == [piece] else self._parts.get(piece, set())

    @cached_property
    def _ranks(self) -> dict[tuple[str, str], int]:
        return {(left, right): rank for rank, (left, right) in enumerate(self.model["merges"])}

    @cached_property
    def _parts(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for left, right in self.model["merges"]:
            found.setdefault(self._joined(left, right), set()).update((left, right))
        return found
