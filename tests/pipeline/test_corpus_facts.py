"""What a corpus adds, and what is said of its script."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from vocabularies import word_piece

from mctl.errors import UserError
from mctl.pipeline.corpus import Corpus
from mctl.pipeline.corpus_facts import check_corpus, compare_scripts, read_corpus
from mctl.pipeline.scripts import script_shares
from mctl.progress import Silent

NEWS = script_shares(Counter("बातमी" * 100 + "a"))


class Listener(Silent):
    """Keeps what is said."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


@pytest.fixture
def tokenizer() -> Any:
    """Knows three Devanagari and two Latin letters."""
    return word_piece(["ब", "त", "म", "a", "b", *(f"##{letter}" for letter in "बतमab")])


def corpus(folder: Path, text: str) -> Corpus:
    (folder / "more.txt").write_text(text, encoding="utf-8")
    return Corpus(folder / "more.txt")


def test_a_corpus_in_another_script_that_the_tokenizer_knows_is_told_of(tokenizer: Any, tmp_path: Path) -> None:
    usage, facts = read_corpus(corpus(tmp_path, "ab ba\n\nxa\n"), "hash", tokenizer)
    assert usage.texts == facts.texts == 2
    assert facts.scripts == {"Latin": 1.0}
    assert facts.known_letters_percent == pytest.approx(100 * 5 / 6)
    listener = Listener()
    compare_scripts(facts, NEWS, listener)
    (said,) = listener.said
    assert "other scripts (Latin 100 %)" in said
    assert "Devanagari" in said
    assert "knows 83 % of its letters" in said


@pytest.mark.parametrize("text", ["बतम बत", "बतम ab", "12 345 !"])
def test_a_corpus_in_the_same_script_needs_no_word(tokenizer: Any, tmp_path: Path, text: str) -> None:
    _, facts = read_corpus(corpus(tmp_path, text), "hash", tokenizer)
    listener = Listener()
    compare_scripts(facts, script_shares(Counter("बातमी")), listener)
    assert listener.said == []


@pytest.mark.parametrize("look", [check_corpus, lambda c, tokenizer: read_corpus(c, "hash", tokenizer)])
@pytest.mark.parametrize(("text", "why"), [("ᏣᎳᎩ", "knows no letter"), ("\n \n", "no text")])
def test_a_corpus_of_no_use(tokenizer: Any, tmp_path: Path, look: Any, text: str, why: str) -> None:
    with pytest.raises(UserError, match=why) as caught:
        look(corpus(tmp_path, text), tokenizer)
    assert caught.value.where == f"--vocab-corpus {tmp_path / 'more.txt'}"
