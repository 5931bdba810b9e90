"""WordPiece vocabularies, as of BERT, MuRIL and MahaBERT.

From the left, each word gives up its longest prefix that is a piece. If all pieces of a word stay, each of them is
still the longest one where it stands: the others are fewer than before.

The argument fails for a word that is unknown. It is one token whatever it consists of, so the pieces that were tried
before none fitted are not among the tokens; without them, shorter ones might get past the place that stopped them.
Where every character has a piece of its own, both as the first and as a later one of a word, no piece can do so: a
place that stops one vocabulary has a character that no piece of it has. Elsewhere the pieces that were tried are kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from tokenizers import decoders

from mctl.compression.vocabulary.base import Vocabulary, affixed


class WordPiece(Vocabulary):
    """See the module."""

    @property
    def prefix(self) -> str:
        """What all pieces but the first of a word begin with."""
        return str(self.model["continuing_subword_prefix"])

    def characters(self, piece: str) -> list[str]:
        return affixed(piece, self.prefix, "")

    def fallback(self) -> set[str]:
        return {*super().fallback(), *self._contractions()}

    def shrunk(self, kept: Sequence[str]) -> dict[str, Any]:
        return {**self.model, "vocab": {piece: number for number, piece in enumerate(kept)}}

    def consulted(self, text: str, tokenizer: Any) -> set[str]:
        return {piece for word in self._words(text, tokenizer) for piece in self._tried(word)}

    def _tried(self, word: str) -> list[str]:
        """The pieces taken before none fitted; none if the word is not unknown, or unknown for its length."""
        if len(word) > self.model["max_input_chars_per_word"]:
            return []
        taken: list[str] = []
        start = 0
        while start < len(word):
            mark = self.prefix if start else ""
            ends = range(len(word), start, -1)
            end = next((end for end in ends if mark + word[start:end] in self.pieces), None)
            if end is None:
                return taken
            taken.append(mark + word[start:end])
            start = end
        return []

    def _words(self, text: str, tokenizer: Any) -> Iterator[str]:
        """What the model is asked for one by one: the text between added tokens, normalised and cut into words."""
        for part in self._added_tokens.split(text):
            normal = tokenizer.normalizer.normalize_str(part) if tokenizer.normalizer else part
            if tokenizer.pre_tokenizer:
                yield from (word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(normal))
            else:
                yield normal

    @cached_property
    def _added_tokens(self) -> re.Pattern[str]:
        names = [re.escape(token["content"]) for token in self.document["added_tokens"]]
        return re.compile("|".join(names) or r"(?!)")

    def _contractions(self) -> set[str]:
        """Pieces that the decoder writes otherwise than character by character: it joins "do n't" again."""
        settings = self.document["decoder"] or {}
        if settings.get("type") != "WordPiece" or not settings["cleanup"]:
            return set()
        prefix = settings["prefix"]
        decoder = decoders.WordPiece(prefix=prefix, cleanup=True)
        return {
            piece
            for piece in self.pieces
            if decoder.decode(["x", piece]) != "x" + (piece[len(prefix) :] if piece.startswith(prefix) else f" {piece}")
        }
