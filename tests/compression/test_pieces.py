"""Texts cut to the length of training texts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mctl.compression.pieces import pieces

_WORD = st.text("कखगघabc", min_size=1, max_size=3)
_COUNTS = st.lists(st.integers(0, 60), max_size=6)
_LENGTHS = st.lists(st.integers(1, 20), min_size=1, max_size=30)


@given(_COUNTS, _LENGTHS, st.integers(0, 99))
def test_pieces_are_consecutive_words_of_one_text_and_no_longer_than_training_texts(
    counts: list[int], lengths: list[int], seed: int
) -> None:
    # No word occurs twice, so that a piece says by itself where it was cut from: text and place.
    texts = [" ".join(f"{text}:{place}" for place in range(count)) for text, count in enumerate(counts)]
    made = list(pieces(texts, lengths, seed))
    assert made == list(pieces(texts, lengths, seed))
    ends: dict[int, int] = dict.fromkeys(range(len(counts)), 0)
    for piece in made:
        places = [tuple(map(int, word.split(":"))) for word in piece.split()]
        text, start = places[0]
        assert places == [(text, start + step) for step in range(len(places))]
        assert min(lengths) <= len(places) <= max(lengths)
        assert start >= ends[text]
        ends[text] = start + len(places)


@given(st.lists(st.lists(_WORD, min_size=4, max_size=9).map(" ".join), max_size=9), st.integers(0, 99))
def test_texts_as_long_as_training_texts_stay_whole(texts: list[str], seed: int) -> None:
    assert list(pieces(texts, range(1, 13), seed)) == texts


def test_what_is_longer_or_shorter_than_training_texts_is_cut_or_left_out() -> None:
    lengths = [5] * 50 + [6] * 50
    words = [f"w{i}" for i in range(600)]
    made = list(pieces(["too short", " ".join(words)], lengths, seed=1))
    assert {len(piece.split()) for piece in made} == {5, 6}
    assert " ".join(made).split() == words[: sum(len(piece.split()) for piece in made)]
    assert len(made) >= 99
    assert made != list(pieces(["too short", " ".join(words)], lengths, seed=2))
