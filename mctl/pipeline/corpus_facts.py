"""What further texts add to a vocabulary, and whether they are of any use to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from mctl.errors import UserError
from mctl.pipeline.corpus import Corpus
from mctl.pipeline.scripts import counting, letters, listed, script_shares
from mctl.progress import Progress

if TYPE_CHECKING:
    from mctl.compression.vocabulary import Usage

# A script with less than this share of the training texts' letters is not one that they are written in.
_LEAST_SHARE = 0.01
# A corpus may hold billions of words; its beginning says what script it is in.
_FIRST_TEXTS = 10_000


@dataclass(frozen=True)
class CorpusFacts:
    """What a corpus is and what it adds.

    Attributes:
        file: its path as the user gave it.
        sha256: of its content.
        texts: how many it holds.
        scripts: share of its letters by script.
        known_letters_percent: how many of its letters the tokenizer has a piece for.
    """

    file: str
    sha256: str
    texts: int
    scripts: dict[str, float]
    known_letters_percent: float


def read_corpus(corpus: Corpus, sha256: str, tokenizer: Any) -> tuple[Usage, CorpusFacts]:
    """Go through a corpus once.

    Raises:
        UserError: it holds no text, or no letter that the tokenizer knows.
    """
    from mctl.compression.vocabulary import usage_of

    characters: Counter[str] = Counter()
    usage = usage_of(tokenizer, counting(corpus, characters))
    shares = script_shares(characters)
    known = _known(corpus, usage.texts, characters, tokenizer)
    return usage, CorpusFacts(str(corpus.path), sha256, usage.texts, shares, known)


def check_corpus(corpus: Corpus, tokenizer: Any) -> None:
    """Look at the beginning of a corpus, before hours of training.

    Raises:
        UserError: it holds no text, or no letter there that the tokenizer knows.
    """
    characters: Counter[str] = Counter()
    texts = sum(1 for _ in counting(islice(corpus, _FIRST_TEXTS), characters))
    _known(corpus, texts, characters, tokenizer)


def _known(corpus: Corpus, texts: int, characters: Counter[str], tokenizer: Any) -> float:
    """Percent of the letters that the tokenizer has a piece for; none, or no text at all, is refused."""
    known = _known_percent(tokenizer, letters(characters))
    where = f"--vocab-corpus {corpus.path}"
    if not texts:
        raise UserError("there is no text in this file.", where=where, todo="Give it texts, or another file.")
    if not known:
        raise UserError(
            f"the tokenizer knows no letter of it ({listed(script_shares(characters))}).",
            where=where,
            todo="Name a corpus in a script that the model was trained on.",
        )
    return known


def _known_percent(tokenizer: Any, counts: Mapping[str, int]) -> float:
    """How many of these letters are not unknown, each of them being tokenized alone."""
    if tokenizer.unk_token is None or not counts:
        return 100.0
    known = sum(count for letter, count in counts.items() if tokenizer.unk_token not in tokenizer.tokenize(letter))
    return 100.0 * known / sum(counts.values())


def compare_scripts(corpus: CorpusFacts, trained: Mapping[str, float], progress: Progress) -> None:
    """Say so when a corpus is mostly in scripts that the training texts are not written in."""
    shared = sum(share for name, share in corpus.scripts.items() if trained.get(name, 0) >= _LEAST_SHARE)
    if corpus.scripts and shared < 0.5:
        progress.say(
            f"vocabulary: {corpus.file} is in other scripts ({listed(corpus.scripts)}) than the training texts "
            f"({listed(trained)}). The tokenizer knows {corpus.known_letters_percent:.0f} % of its letters, and the "
            "pieces that it uses are kept too."
        )
