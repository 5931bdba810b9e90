"""What the three kinds of vocabulary have in common: pieces, and the characters that a piece falls apart into."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


class Vocabulary(ABC):
    """The pieces of one tokenizer, and which of them stand or fall together.

    Args:
        document: the tokenizer as in `tokenizer.json`.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self.model: Mapping[str, Any] = document["model"]

    @property
    def pieces(self) -> Mapping[str, int]:
        """Ids by piece, without added tokens that are no piece of the model."""
        found: Mapping[str, int] = self.model["vocab"]
        return found

    @property
    def unknown(self) -> str | None:
        """The piece that stands for what no piece covers."""
        token: str | None = self.model["unk_token"]
        return token if token in self.pieces else None

    @abstractmethod
    def characters(self, piece: str) -> list[str]:
        """The pieces of one character each that would take the place of `piece`, whether they exist or not."""

    @abstractmethod
    def shrunk(self, kept: Sequence[str]) -> dict[str, Any]:
        """The model with `kept` alone, numbered in this order."""

    def obstacle(self) -> str | None:
        """Why this vocabulary cannot be trimmed, if it cannot."""
        return None

    def fallback(self) -> set[str]:
        """The pieces that any other piece can be replaced with: those of one character (or byte).

        Where a character has no piece of its own, all pieces with it belong here: nothing could take their place.
        """
        pieces = self.pieces
        found = set() if self.unknown is None else {self.unknown}
        for piece in pieces:
            parts = self.characters(piece)
            if len(parts) <= 1 or not all(part in pieces for part in parts):
                found.add(piece)
        if self.model.get("byte_fallback"):
            found |= {name for byte in range(256) if (name := f"<0x{byte:02X}>") in pieces}
        return found

    def closed(self, kept: Iterable[str]) -> set[str]:
        """`kept`, and what it takes to produce all of it."""
        return set(kept)

    def consulted(self, text: str, tokenizer: Any) -> set[str]:
        """Pieces that decide over the unknown tokens of `text`, though none of them is among its tokens."""
        return set()


def affixed(piece: str, prefix: str, suffix: str) -> list[str]:
    """The characters of a piece, with the marks that its kind of vocabulary puts on them.

    Args:
        prefix: what all pieces but the first of a word begin with ("##").
        suffix: what the last piece of a word ends with ("</w>").

    >>> affixed("##abc", "##", "")
    ['##a', '##b', '##c']
    >>> affixed("abc</w>", "", "</w>")
    ['a', 'b', 'c</w>']
    """
    continues = bool(prefix) and piece.startswith(prefix) and len(piece) > len(prefix)
    body = piece[len(prefix) :] if continues else piece
    ends = bool(suffix) and body.endswith(suffix) and len(body) > len(suffix)
    body = body[: len(body) - len(suffix)] if ends else body
    characters = [
        character if index == 0 and not continues else prefix + character for index, character in enumerate(body)
    ]
    return [*characters[:-1], characters[-1] + suffix] if ends else characters
