"""Texts whose tokens stay keep them and their logits; all others still tokenize and still decode."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from models import small_model
from transformers import AutoTokenizer
from vocabularies import KINDS, texts

from mctl.compression.vocabulary import Trimmed, trim, usage_of
from mctl.compression.vocabulary.document import plain_tokenizer, read, vocabulary_of
from mctl.compression.vocabulary.usage import measure_usage
from mctl.pipeline.saving import save_tokenizer

kinds = pytest.mark.parametrize("kind", KINDS)
some_texts = st.lists(texts(), min_size=1, max_size=4)
spare = st.integers(0, 5)
EXTRA_ROWS = 3


def tiny(tokenizer: Any, family: str = "bert") -> Any:
    """A classifier with an embedding for every token and, as many have, some for none."""
    options = {"layers": 1, "heads": 2, "head_size": 4, "rows": 8, "vocab_size": len(tokenizer) + EXTRA_ROWS}
    model = small_model(family, **options)
    model.config.pad_token_id = tokenizer.pad_token_id
    return model


def trimmed_for(tokenizer: Any, wanted: list[str], keep: int) -> Trimmed:
    return trim(tiny(tokenizer), tokenizer, usage_of(tokenizer, wanted), keep)


def old_ids(result: Trimmed, text: str) -> list[int]:
    """What the trimmed tokenizer gives, in the numbers of the one before."""
    return [result.kept_ids[number] for number in result.tokenizer(text)["input_ids"]]


def consulted(tokenizer: Any, text: str) -> set[int]:
    """Ids of the pieces that decide over unknown words of a WordPiece vocabulary."""
    document = read(tokenizer)
    usage = measure_usage(plain_tokenizer(document), vocabulary_of(document, "test"), [text])
    return {tokenizer.convert_tokens_to_ids(piece) for piece in usage.consulted}


def without_piece(tokenizer: Any, text: str) -> int:
    """Characters of a text that have no piece of their own where they stand, but for those of special tokens."""
    document = read(tokenizer)
    vocabulary = vocabulary_of(document, "test")
    plain = plain_tokenizer(document)
    if document["model"].get("byte_fallback"):
        return 0
    missing = 0
    for part in text.split("<mask>"):
        for word, _ in plain.pre_tokenizer.pre_tokenize_str(part):
            ends = document["model"].get("end_of_word_suffix") or ""
            missing += sum(piece not in vocabulary.pieces for piece in vocabulary.characters(word + ends))
    return missing


@kinds
@given(data=st.data())
@settings(max_examples=80, deadline=None)
def test_a_text_whose_tokens_all_stay_keeps_them(kind: str, data: st.DataObject) -> None:
    tokenizer = data.draw(KINDS[kind])
    wanted = data.draw(some_texts)
    result = trimmed_for(tokenizer, wanted, data.draw(spare))
    for text in wanted:
        assert old_ids(result, text) == tokenizer(text)["input_ids"]
    for text in data.draw(some_texts):
        before = tokenizer(text)["input_ids"]
        if {*before, *consulted(tokenizer, text)} <= set(result.kept_ids):
            assert old_ids(result, text) == before


@kinds
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_no_character_becomes_unknown(kind: str, data: st.DataObject) -> None:
    tokenizer = data.draw(KINDS[kind])
    result = trimmed_for(tokenizer, data.draw(some_texts), data.draw(spare))
    for text in data.draw(some_texts):
        unknown = old_ids(result, text).count(tokenizer.unk_token_id)
        assert unknown <= without_piece(tokenizer, text)


@kinds
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_decoding_gives_the_same_text(kind: str, data: st.DataObject) -> None:
    tokenizer = data.draw(KINDS[kind])
    result = trimmed_for(tokenizer, data.draw(some_texts), data.draw(spare))
    for text in data.draw(some_texts):
        assume(without_piece(tokenizer, text) == 0)
        before, after = tokenizer(text)["input_ids"], result.tokenizer(text)["input_ids"]
        for skip in (False, True):
            shown = tokenizer.decode(before, skip_special_tokens=skip)
            assert result.tokenizer.decode(after, skip_special_tokens=skip) == shown


def batches(tokenizer: Any, wanted: list[str]) -> Iterator[dict[str, torch.Tensor]]:
    """As models get them: padded, cut, and in pairs."""
    yield tokenizer(wanted, padding=True, return_tensors="pt")
    yield tokenizer(wanted, padding="max_length", truncation=True, max_length=5, return_tensors="pt")
    yield tokenizer(wanted, wanted[::-1], padding=True, truncation=True, max_length=20, return_tensors="pt")


@torch.no_grad()
def all_logits(model: Any, tokenizer: Any, wanted: list[str]) -> list[torch.Tensor]:
    return [model(**batch).logits for batch in batches(tokenizer, wanted)]


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert", "electra"])
@kinds
@given(data=st.data())
@settings(max_examples=8, deadline=None)
def test_logits_are_those_of_before(family: str, kind: str, data: st.DataObject) -> None:
    tokenizer = data.draw(KINDS[kind])
    tokenizer.model_input_names = ["input_ids", "attention_mask"]
    wanted = data.draw(some_texts)
    model = tiny(tokenizer, family)
    before = all_logits(copy.deepcopy(model), tokenizer, wanted)
    result = trim(model, tokenizer, usage_of(tokenizer, wanted), 1)
    for old, new in zip(before, all_logits(result.model, result.tokenizer, wanted), strict=True):
        torch.testing.assert_close(new, old, rtol=0, atol=1e-6)


@kinds
@given(data=st.data())
@settings(max_examples=10, deadline=None)
def test_saved_and_loaded_is_the_same(kind: str, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    tokenizer = data.draw(KINDS[kind])
    wanted = data.draw(some_texts)
    result = trimmed_for(tokenizer, wanted, 2)
    folder = tmp_path_factory.mktemp("saved")
    result.model.save_pretrained(folder)
    save_tokenizer(result.tokenizer, folder)
    loaded = AutoTokenizer.from_pretrained(folder)
    model = type(result.model).from_pretrained(folder).eval()
    assert loaded.get_vocab() == result.tokenizer.get_vocab()
    assert loaded.special_tokens_map == tokenizer.special_tokens_map
    assert loaded.model_max_length == 64
    others = data.draw(some_texts)
    assert loaded(others)["input_ids"] == result.tokenizer(others)["input_ids"]
    before = all_logits(result.model, result.tokenizer, wanted)
    for old, new in zip(before, all_logits(model, loaded, wanted), strict=True):
        torch.testing.assert_close(new, old, rtol=0, atol=1e-6)
    assert {path.name for path in Path(folder).iterdir()} <= {
        "config.json",
        "model.safetensors",
        "special_tokens_map.json",
        "tokenizer.json",
        "tokenizer_config.json",
    }
