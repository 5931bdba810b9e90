"""Unigram vocabularies (Kudo 2018, arXiv 1804.10959), as of XLM-RoBERTa and multilingual e5.

A text is cut where the sum of its pieces' scores is largest. If all pieces of the best cut stay, it stays the best: the
cuts that vanish are competitors, and sums of the others are what they were. Among equal sums the library takes the one
whose last piece begins first, which does not depend on what else there is.

One thing does depend on all pieces: the score of an unknown character is the lowest of all scores, less a penalty. So a
piece with the lowest score stays too.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from mctl.compression.vocabulary.base import Vocabulary


class Unigram(Vocabulary):
    """See the module."""

    @cached_property
    def pieces(self) -> dict[str, int]:
        return {piece: number for number, (piece, _) in enumerate(self.model["vocab"])}

    @property
    def unknown(self) -> str | None:
        number = self.model.get("unk_id")
        return None if number is None else str(self.model["vocab"][number][0])

    def characters(self, piece: str) -> list[str]:
        return list(piece)

    def fallback(self) -> set[str]:
        lowest: str = min(self.model["vocab"], key=lambda entry: entry[1])[0]
        return {*super().fallback(), lowest}

    def shrunk(self, kept: Sequence[str]) -> dict[str, Any]:
        scores = dict(self.model["vocab"])
        unknown = None if self.unknown is None else kept.index(self.unknown)
        return {**self.model, "unk_id": unknown, "vocab": [[piece, scores[piece]] for piece in kept]}
