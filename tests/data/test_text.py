"""What is stripped from a text, and what two equal texts share."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mctl.data.text import comparison_key, folded, shortened, tidy

ANY_TEXT = st.text(
    st.one_of(
        st.characters(codec=None, exclude_categories=()),
        st.sampled_from("\u0958\u0915\u093cा \t\n\x00\x85\u200b\u200c\u200d\u2028\ufeffé\u0301\u0345"),
    )
)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("  मथळा\u00a0", "मथळा"),
        ("one\r\ntwo\tthree", "one two three"),
        ("nu\x00ll\ufeff", "null"),
        ("ऱ\u094d\u200dय", "ऱ\u094d\u200dय"),
        ("two  spaces", "two  spaces"),
    ],
)
def test_tidy_strips_controls_and_keeps_the_rest(raw, expected):
    assert tidy(raw) == expected


@given(ANY_TEXT)
def test_tidy_is_idempotent_and_leaves_no_control_character(text):
    once = tidy(text)
    assert tidy(once) == once
    assert not any(unicodedata.category(char) in ("Cc", "Cs") for char in once)
    once.encode()  # lone surrogates would fail here


@given(ANY_TEXT)
def test_composition_and_spacing_do_not_change_the_key(text):
    text = tidy(text)
    key = comparison_key(text)
    assert comparison_key(key) == key
    assert comparison_key(unicodedata.normalize("NFD", text)) == key
    assert comparison_key(f" {text}\u200b ") == key


def test_joiners_distinguish_texts():
    assert comparison_key("क्\u200dष") != comparison_key("क्ष")


@given(ANY_TEXT)
def test_folding_a_name_again_changes_nothing(name):
    assert folded(folded(name)) == folded(name)


def test_long_texts_are_shortened():
    assert shortened("x" * 60) == "x" * 60
    assert shortened("x" * 61) == "x" * 59 + "…"
