"""A classifier and its tokenizer with fewer tokens."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from mctl.compression.families import family_of
from mctl.compression.vocabulary.choice import choose
from mctl.compression.vocabulary.document import (
    Document,
    numbered,
    plain_tokenizer,
    read,
    rewritten,
    special_ids,
    vocabulary_of,
)
from mctl.compression.vocabulary.embeddings import check_embeddings, config_ids, keep_embeddings
from mctl.compression.vocabulary.errors import CannotTrimError
from mctl.compression.vocabulary.likeness import likeliest_first
from mctl.compression.vocabulary.usage import Usage, batches, measure_usage
from mctl.compression.vocabulary.wrapping import wrapped


@dataclass(frozen=True)
class Report:
    """What trimming did.

    Attributes:
        tokens_before: that the tokenizer knew.
        tokens_after: that it knows now.
        kept: how many stay for which reason, see `choice.Choice`.
        parameters_before: of the whole classifier.
        parameters_after: the same.
    """

    tokens_before: int
    tokens_after: int
    kept: dict[str, int]
    parameters_before: int
    parameters_after: int


@dataclass(frozen=True)
class Trimmed:
    """A classifier with the tokenizer that belongs to it.

    Attributes:
        model: the one given, with fewer embeddings.
        tokenizer: a new one, of transformers' plain fast class.
        kept_ids: (tokens,) the old id of every new one.
        report: what was done.
    """

    model: Any
    tokenizer: Any
    kept_ids: tuple[int, ...]
    report: Report


def usage_of(tokenizer: Any, texts: Iterable[str]) -> Usage:
    """What a transformers tokenizer makes of texts, which are gone through once.

    Raises:
        CannotTrimError: this tokenizer's vocabulary cannot be trimmed.
    """
    document = read(tokenizer)
    return measure_usage(plain_tokenizer(document), vocabulary_of(document, type(tokenizer).__name__), texts)


def trim(model: Any, tokenizer: Any, usage: Usage, spare: int) -> Trimmed:
    """Drop tokens that texts do not use.

    What uses only tokens that stay is tokenized as before and gets the same logits. Any other text falls into smaller
    pieces. Why this holds for each kind of vocabulary is said in the modules of the three.

    Args:
        model: a classifier, changed in place.
        tokenizer: its own.
        usage: of the texts that have to stay as they are, by `usage_of`; usages can be added up.
        spare: how many unused pieces to keep for texts to come, the likeliest of them.

    Raises:
        CannotTrimError: the tokenizer's or the model's vocabulary cannot be trimmed.
    """
    document = read(tokenizer)
    vocabulary = vocabulary_of(document, type(tokenizer).__name__)
    tokens: dict[str, int] = plain_tokenizer(document).get_vocab(with_added_tokens=True)
    check_embeddings(model, max(tokens.values()) + 1)
    table = model.get_input_embeddings().weight.detach().cpu().numpy()
    special = _special(document, model.config, set(tokens.values()))
    choice = choose(vocabulary, usage, special, partial(likeliest_first, table, usage.counts), spare)
    order = numbered(vocabulary, choice.kept)
    backend = Tokenizer.from_str(json.dumps(rewritten(document, vocabulary, order)))
    _check_numbers(backend, tokens, order)
    _check_positions(model.config, order)
    before = _parameters(model)
    keep_embeddings(model, order)
    report = Report(len(tokens), len(order), choice.counts(), before, _parameters(model))
    return Trimmed(model, wrapped(backend, tokenizer), order, report)


def changed_texts(before: Any, after: Any, kept_ids: Sequence[int], texts: Iterable[str]) -> np.ndarray:
    """(texts,) bool: where two transformers tokenizers, one of them trimmed, give different tokens.

    Args:
        kept_ids: of `Trimmed`.
    """
    old, new = (plain_tokenizer(read(tokenizer)) for tokenizer in (before, after))
    differs: list[bool] = []
    for batch in batches(texts):
        pairs = zip(old.encode_batch(batch), new.encode_batch(batch), strict=True)
        differs += [left.ids != [kept_ids[number] for number in right.ids] for left, right in pairs]
    return np.array(differs, np.bool_)


def _special(document: Document, config: Any, tokens: set[int]) -> set[int]:
    """What stays whatever the texts are.

    RoBERTa counts positions from the padding id on. Nothing before it may go, so that it keeps its number.
    """
    named = set(config_ids(config).values())
    up_to_padding = set(range(config.pad_token_id + 1)) if family_of(config).positions_follow_padding else set()
    return special_ids(document) | ((named | up_to_padding) & tokens)


def _check_positions(config: Any, order: Sequence[int]) -> None:
    if family_of(config).positions_follow_padding and order.index(config.pad_token_id) != config.pad_token_id:
        raise CannotTrimError(
            f"a {config.model_type} model counts positions from the padding id on, and this tokenizer's cannot stay"
        )


def _check_numbers(backend: Any, tokens: dict[str, int], order: Sequence[int]) -> None:
    """The library numbers added tokens by itself while it reads them: do they have the embeddings that they had?"""
    names = {number: token for token, number in tokens.items()}
    wanted = {names[old]: number for number, old in enumerate(order)}
    if backend.get_vocab(with_added_tokens=True) != wanted:
        raise CannotTrimError("the tokenizer gives its added tokens numbers of its own choice")


def _parameters(model: Any) -> int:
    return sum(parameter.numel() for parameter in model.parameters())
