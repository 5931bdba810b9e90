"""`tokenizer.json` as data: reading it, and writing it again with other numbers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

from tokenizers import Tokenizer

from mctl.compression.vocabulary.base import Vocabulary
from mctl.compression.vocabulary.bpe import BytePairs
from mctl.compression.vocabulary.errors import CannotTrimError
from mctl.compression.vocabulary.unigram import Unigram
from mctl.compression.vocabulary.wordpiece import WordPiece

_KINDS: Mapping[str, type[Vocabulary]] = {"WordPiece": WordPiece, "Unigram": Unigram, "BPE": BytePairs}
Document = Mapping[str, Any]


def read(tokenizer: Any) -> Document:
    """The `tokenizer.json` of a transformers tokenizer.

    Raises:
        CannotTrimError: it is written in Python, or has a part that is.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    name = type(tokenizer).__name__
    if backend is None:
        raise CannotTrimError(f"{name} is a tokenizer in Python, without a tokenizer.json")
    try:
        written: str = backend.to_str()
    except Exception as error:  # The library raises nothing more particular.
        raise CannotTrimError(f"{name} has a part that cannot be written down: {error}") from error
    document: Document = json.loads(written)
    return document


def vocabulary_of(document: Document, name: str) -> Vocabulary:
    """The vocabulary of a document.

    Args:
        name: of the tokenizer's class, for messages.

    Raises:
        CannotTrimError: it is of another kind than WordPiece, Unigram and BPE, or random.
    """
    kind = document["model"]["type"]
    if kind not in _KINDS:
        raise CannotTrimError(f"{name} has a {kind} vocabulary; {', '.join(_KINDS)} can be trimmed")
    vocabulary = _KINDS[kind](document)
    if obstacle := vocabulary.obstacle():
        raise CannotTrimError(f"{name} {obstacle}")
    return vocabulary


def plain_tokenizer(document: Document) -> Tokenizer:
    """The tokenizer of a document, but for cutting and padding."""
    return Tokenizer.from_str(json.dumps({**document, "truncation": None, "padding": None}))


def special_ids(document: Document) -> set[int]:
    """Ids of what is no piece of text: added tokens, and what is put around texts or behind them."""
    found = {token["id"] for token in document["added_tokens"]} | set(_ids_around(document["post_processor"]))
    return found | ({document["padding"]["pad_id"]} if document["padding"] else set())


def numbered(vocabulary: Vocabulary, kept: Set[int]) -> tuple[int, ...]:
    """Old ids by new id: pieces of the model first, as the library wants them, each part in the old order."""
    pieces = set(vocabulary.pieces.values())
    return tuple(sorted(kept, key=lambda number: (number not in pieces, number)))


def rewritten(document: Document, vocabulary: Vocabulary, order: Sequence[int]) -> Document:
    """A document with the tokens of `order` alone, numbered in this order."""
    names = {number: piece for piece, number in vocabulary.pieces.items()}
    new = {old: number for number, old in enumerate(order)}
    padding = document["padding"]
    return {
        **document,
        "added_tokens": [{**token, "id": new[token["id"]]} for token in document["added_tokens"]],
        "padding": padding and {**padding, "pad_id": new[padding["pad_id"]]},
        "post_processor": _renumbered(document["post_processor"], new),
        "model": vocabulary.shrunk([names[number] for number in order if number in names]),
    }


def _ids_around(processor: Any) -> Iterator[int]:
    """Ids that a post-processor puts around texts, in any of the forms that there are."""
    for inner in (processor or {}).get("processors", ()):
        yield from _ids_around(inner)
    for name in ("cls", "sep"):
        yield from (processor or {}).get(name, ())[1:]
    for token in (processor or {}).get("special_tokens", {}).values():
        yield from token["ids"]


def _renumbered(processor: Any, new: Mapping[int, int]) -> Any:
    """A post-processor with other ids; what has none is left as it is."""
    if processor is None:
        return None
    changed = dict(processor)
    if "processors" in changed:
        changed["processors"] = [_renumbered(inner, new) for inner in changed["processors"]]
    for name in ("cls", "sep"):
        if name in changed:
            token, number = changed[name]
            changed[name] = [token, new[number]]
    if "special_tokens" in changed:
        tokens = changed["special_tokens"].items()
        changed["special_tokens"] = {name: {**token, "ids": [new[i] for i in token["ids"]]} for name, token in tokens}
    return changed
