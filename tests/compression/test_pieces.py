"""Texts cut to the length of training texts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mctl.compression.pieces import pieces

_WORD = st.text("कखगघabc", min_size=1, max_size=3)
_TEXTS = st.lists(st.lists(_WORD, max_size=60).map(" ".join), max_size=6)
_LENGTHS = st.lists(st.integers(1, 20), min_size=1, max_size=30)


@given(_TEXTS, _LENGTHS, st.integers(0, 99))
def test_pieces_are_consecutive_words_of_the_texts_and_no_longer_than_training_texts(
    texts: list[str], lengths: list[int], seed: int
) -> None:
    made = list(pieces(texts, lengths, seed))
    assert made == list(pieces(texts, lengths, seed))
    left = " | ".join(texts)
    for piece in made:
        assert piece and len(piece.split()) <= max(lengths)
        before, found, left = left.partition(piece)
        assert found, f"{piece!r} is not where it should be"
        # What is left out between two pieces is shorter than training texts are.
        for gap in before.split(" | "):
            assert len(gap.split()) < max(lengths)


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
