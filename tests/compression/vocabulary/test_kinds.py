"""Where dropping unused pieces alone would not do: what each kind of vocabulary keeps besides."""

from __future__ import annotations

from typing import Any

import pytest
from vocabularies import BYTES, byte_pairs, unigram, word_piece

from mctl.compression.vocabulary import usage_of
from mctl.compression.vocabulary.choice import Choice, choose
from mctl.compression.vocabulary.document import (
    numbered,
    plain_tokenizer,
    read,
    rewritten,
    special_ids,
    vocabulary_of,
)


def first_come(used: Any, candidates: Any) -> list[int]:
    return list(candidates)


def chosen(tokenizer: Any, wanted: list[str], spare: int = 0) -> Choice:
    document = read(tokenizer)
    vocabulary = vocabulary_of(document, "test")
    return choose(vocabulary, usage_of(tokenizer, wanted), special_ids(document), first_come, spare)


def kept_pieces(tokenizer: Any, wanted: list[str]) -> set[str]:
    return set(tokenizer.convert_ids_to_tokens(sorted(chosen(tokenizer, wanted).kept)))


def cut_by(tokenizer: Any, wanted: list[str], text: str) -> list[str]:
    """A text as the tokenizer trimmed for `wanted` cuts it."""
    document = read(tokenizer)
    vocabulary = vocabulary_of(document, "test")
    order = numbered(vocabulary, chosen(tokenizer, wanted).kept)
    tokens: list[str] = plain_tokenizer(rewritten(document, vocabulary, order)).encode(text).tokens
    return tokens


def test_word_piece_keeps_letters_at_the_beginning_and_within() -> None:
    tokenizer = word_piece(["a", "b", "##a", "##b", "ab", "##ab", "ba"])
    assert kept_pieces(tokenizer, ["ab"]) == {"<s>", "<pad>", "</s>", "<unk>", "<mask>", "a", "b", "##a", "##b", "ab"}


def test_word_piece_keeps_what_stopped_an_unknown_word() -> None:
    # "abc" is "ab" and a "c" that nothing begins with; without "ab" it would be "a", "##bc".
    tokenizer = word_piece(["a", "b", "##b", "ab", "##bc"])
    assert tokenizer.tokenize("abc") == ["<unk>"]
    assert cut_by(tokenizer, ["abc"], "abc") == ["<s>", "<unk>", "</s>"]
    assert "ab" in kept_pieces(tokenizer, ["abc"])
    assert "ab" not in kept_pieces(tokenizer, ["b"])


def test_word_piece_looks_for_unknown_words_between_added_tokens() -> None:
    tokenizer = word_piece(["a", "b", "##b", "ab", "##bc"])
    assert "ab" in kept_pieces(tokenizer, ["b<mask>abc"])


def test_a_word_that_is_unknown_for_its_length_keeps_nothing() -> None:
    tokenizer = word_piece(["a", "##a", "aa", "##aa"])
    assert "aa" not in kept_pieces(tokenizer, ["a" * 101])
    assert "aa" in kept_pieces(tokenizer, ["a" * 100])


def test_pieces_with_a_letter_that_has_none_of_its_own_stay() -> None:
    # "c" is never the first of a word alone, so nothing could take the place of "ca".
    assert {"ca", "##ac"} <= kept_pieces(word_piece(["a", "##a", "ca", "##ac", "aa"]), ["a"])
    assert "aa" not in kept_pieces(word_piece(["a", "##a", "ca", "##ac", "aa"]), ["a"])


def test_contractions_that_the_decoder_joins_stay() -> None:
    pieces = ["d", "n", "##o", "##'", "##t", "n't", "no"]
    tokenizer = word_piece(pieces)
    assert tokenizer.decode(tokenizer("no n't")["input_ids"], skip_special_tokens=True) == "non't"
    assert "n't" in kept_pieces(tokenizer, ["d"])
    assert "n't" not in kept_pieces(word_piece(pieces, cleanup=False), ["d"])


def test_unigram_keeps_the_lowest_score() -> None:
    # Unknown costs the lowest score less ten: with "abab" gone that would be -22, and "abc" with an unknown "z" would
    # beat two rare pieces.
    scores = {"▁": -1.0, "abc": -1.0, **dict.fromkeys(("a", "b", "c", "ab", "cz"), -12.0), "abab": -20.0}
    tokenizer = unigram(scores)
    assert tokenizer.tokenize("abcz") == ["▁", "ab", "cz"]
    assert "abab" in kept_pieces(tokenizer, ["abcz abc"])
    assert cut_by(tokenizer, ["abcz abc"], "abcz")[1:-1] == ["▁", "ab", "cz"]


@pytest.mark.parametrize("used", ["abc", "é"])
def test_bytes_stay_where_they_are_the_fallback(used: str) -> None:
    scores = {"▁": -1.0, "a": -2.0, "b": -2.0}
    assert set(BYTES) <= kept_pieces(unigram(scores, byte_fallback=True), [used])
    assert set(BYTES) <= kept_pieces(byte_pairs(["▁", "a"], [], "characters"), [used])


def test_byte_pairs_keep_the_way_to_a_piece_and_no_other_way() -> None:
    # "abc" comes from "a" and "bc", because "bc" forms before "ab"; "abc" from "ab" and "c" never happens.
    merges = [("b", "c"), ("a", "b"), ("ab", "c"), ("a", "bc")]
    tokenizer = byte_pairs(["a", "b", "c", "▁"], merges, "characters")
    assert tokenizer.tokenize("abc") == ["▁", "abc"]
    kept = kept_pieces(tokenizer, ["abc"])
    assert {"bc", "abc"} <= kept
    assert "ab" not in kept
    assert cut_by(tokenizer, ["abc"], "abc")[1:-1] == ["▁", "abc"]


def test_a_piece_that_bytes_become_keeps_its_parts() -> None:
    # "é" has no piece, so it begins as two bytes, which merge: its name does not tell.
    merges = [("<0xC3>", "<0xA9>"), ("a", "<0xC3><0xA9>")]
    tokenizer = byte_pairs(["▁", "a"], merges, "characters")
    assert tokenizer.tokenize("aé") == ["▁", "a<0xC3><0xA9>"]
    assert cut_by(tokenizer, ["aé"], "aé")[1:-1] == ["▁", "a<0xC3><0xA9>"]
