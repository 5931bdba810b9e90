"""Vocabularies that cannot be trimmed, and corpora of no use."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command import mctl
from refusal import Refused, complaint

TRIM = ("compress", "--prune", 0, "--no-distill", "--trim-vocab")


def corpus(folder: Path, text: str | bytes) -> str:
    content = text if isinstance(text, bytes) else text.encode()
    (folder / "more.txt").write_bytes(content)
    return "more.txt"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ\nᎣᏏᏲ\n", ["knows no letter of it", "Cherokee 100 %", "script that the model was trained on"]),
        ("", ["the file is empty"]),
        ("\n \n\t\n", ["the file is empty"]),
        (b"PK\x03\x04\x00\x00\x00\x00" * 40, ["more.txt", "ZIP"]),
        ("मराठी बातम्या\n".encode() + b"\xff\xfe broken\n", ["more.txt, line 2", "not UTF-8"]),
    ],
    ids=["another script", "empty", "blank", "a zip", "broken UTF-8"],
)
def test_corpora_of_no_use(copy_of_chain: Path, refused: Refused, content: str | bytes, words: list[str]) -> None:
    name = corpus(copy_of_chain, content)
    refused(*TRIM, "--vocab-corpus", name, cwd=copy_of_chain, words=[name, *words])


def test_columns_that_may_both_be_the_text(copy_of_chain: Path, refused: Refused) -> None:
    (copy_of_chain / "more.jsonl").write_text('{"title": "a", "body": "b"}\n')
    words = ["--vocab-corpus more.jsonl", "which column", "'title', 'body'"]
    refused(*TRIM, "--vocab-corpus", "more.jsonl", cwd=copy_of_chain, words=words)


@pytest.mark.parametrize("path", ["missing.txt", "."])
def test_no_such_corpus(copy_of_chain: Path, refused: Refused, path: str) -> None:
    refused(*TRIM, "--vocab-corpus", path, cwd=copy_of_chain, words=[f"--vocab-corpus {path}"])


def test_a_corpus_without_trimming(copy_of_chain: Path, refused: Refused) -> None:
    corpus(copy_of_chain, "text")
    words = ["--vocab-corpus", "Add --trim-vocab"]
    refused("compress", "--vocab-corpus", "more.txt", cwd=copy_of_chain, words=words)


def test_fewer_than_no_spare_tokens(copy_of_chain: Path, refused: Refused) -> None:
    refused(*TRIM, "--vocab-spare", -1, cwd=copy_of_chain, words=["--vocab-spare"])


def words_as_tokens(folder: Path) -> None:
    """A tokenizer of whole words, which has no pieces to fall back on, in the place of the teacher's."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    old = AutoTokenizer.from_pretrained(folder)
    tokenizer = Tokenizer(models.WordLevel(old.get_vocab(), unk_token=old.unk_token))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    names = {f"{name}_token": getattr(old, f"{name}_token") for name in ("unk", "pad", "cls", "sep", "mask")}
    for file in folder.glob("*token*"):
        file.unlink()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(folder)


@pytest.fixture
def with_words(copy_of_chain: Path) -> Path:
    """The folder of a chain, whose teacher is a plain folder with a tokenizer of whole words."""
    teacher = copy_of_chain / "words"
    (copy_of_chain / "artifacts" / "teacher").rename(teacher)
    (teacher / "manifest.json").unlink()
    words_as_tokens(teacher)
    return copy_of_chain


def test_a_tokenizer_that_cannot_be_trimmed_is_named(with_words: Path) -> None:
    words = ["--trim-vocab", "WordLevel", "--trim-vocab-optional"]
    ran = mctl(*TRIM, "--teacher", "words", "--name", "small", cwd=with_words)
    assert ran.code == 2, ran
    assert all(word in complaint(ran.err) for word in words)
    assert not (with_words / "artifacts" / "small").exists()


def test_it_stays_whole_where_the_user_allowed_that(with_words: Path) -> None:
    allowed = [argument if argument != "--trim-vocab" else "--trim-vocab-optional" for argument in TRIM]
    ran = mctl(*allowed, "--teacher", "words", "--name", "whole", cwd=with_words)
    assert ran.code == 0, ran.err
    assert "WordLevel" in ran.err
    assert "stays whole" in ran.err
    manifest = json.loads((with_words / "artifacts" / "whole" / "manifest.json").read_text())
    assert "WordLevel" in manifest["facts"]["vocabulary"]["skipped"]
