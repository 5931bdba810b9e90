"""Altered copies of texts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mctl.compression.augment import altered

_TEXTS = st.lists(
    st.lists(st.text("कखगघabc", min_size=1, max_size=4), min_size=1, max_size=12).map(" ".join), min_size=1, max_size=6
)


@given(_TEXTS, st.integers(1, 4), st.integers(0, 99))
def test_copies_are_made_of_the_words_there_are(texts: list[str], copies: int, seed: int) -> None:
    made = altered(texts, copies, seed)
    assert len(made) == copies * len(texts)
    assert made == altered(texts, copies, seed)
    words = {word for text in texts for word in text.split()}
    longest = max(len(text.split()) for text in texts)
    for copy in made:
        assert copy
        assert set(copy.split()) <= words
        assert len(copy.split()) <= 2 * longest


def test_most_copies_differ_from_their_text_and_from_each_other() -> None:
    texts = [" ".join(f"w{i}-{j}" for j in range(12)) for i in range(50)]
    made = altered(texts, 3, seed=1)
    assert sum(copy != text for copy, text in zip(made, texts * 3, strict=True)) > 110
    assert len(set(made)) > 110
    assert made != altered(texts, 3, seed=2)
