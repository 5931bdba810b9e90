"""The vocabulary of a compression: fewer tokens, the same ones for the texts at hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mctl.errors import UserError
from mctl.pipeline.corpus import Corpus, corpus_hashes
from mctl.pipeline.dataset import StageData
from mctl.pipeline.scripts import counting, letters, listed, script_shares
from mctl.progress import Progress
from mctl.recipe import CompressSettings

if TYPE_CHECKING:
    from mctl.compression.vocabulary import Trimmed, Usage

# Training texts that are tokenized again to see that nothing changed: a fault would show in every other one.
_CHECKED_TEXTS = 1_000
# A script with less than this share of the training texts' letters is not one that they are written in.
_LEAST_SHARE = 0.01


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


def vocabulary_inputs(settings: CompressSettings) -> dict[str, str]:
    """What the stage key needs to know of the vocabulary's corpora: their content, in place of their paths.

    Raises:
        UserError: a corpus is missing, empty or no text, or is of no use since nothing is trimmed.
    """
    if settings.vocab_corpus and not settings.trim_vocab:
        raise UserError(
            "a vocabulary corpus says which tokens stay, and none are dropped.",
            where="--vocab-corpus",
            todo="Add --trim-vocab, or leave it away.",
        )
    hashes = corpus_hashes(list(map(Path, settings.vocab_corpus)))
    return {"vocab_corpus": " ".join(sorted(hashes.values()))} if hashes else {}


def check_vocabulary(tokenizer: Any, settings: CompressSettings) -> None:
    """Refuse a tokenizer that cannot be trimmed before hours of training.

    Raises:
        UserError: it is of no kind that can be trimmed, and the user did not allow to go on without.
    """
    from mctl.compression.vocabulary import CannotTrimError
    from mctl.compression.vocabulary.document import read, vocabulary_of

    if settings.trim_vocab is not True:
        return
    try:
        vocabulary_of(read(tokenizer), type(tokenizer).__name__)
    except CannotTrimError as error:
        raise _refusal(error) from error


def _refusal(error: Exception) -> UserError:
    return UserError(
        f"the vocabulary cannot be trimmed: {error}.",
        where="--trim-vocab",
        todo="Leave it away, or give --trim-vocab-optional to go on without.",
    )


def trim_vocabulary(
    model: Any, tokenizer: Any, data: StageData, settings: CompressSettings, progress: Progress
) -> tuple[Any, Any, dict[str, Any] | None]:
    """Drop the tokens that neither the training texts nor the corpora use, if the user wants that.

    Args:
        model: a classifier, changed in place.
        tokenizer: its own.

    Returns:
        The model; its tokenizer, a new one; and what the manifest says about it. None: nothing was asked for.

    Raises:
        UserError: the tokenizer cannot be trimmed, and the user did not allow to go on without; or a corpus has no
            letter that the tokenizer knows.
    """
    from mctl.compression.vocabulary import CannotTrimError

    if not settings.trim_vocab:
        return model, tokenizer, None
    try:
        return _trim(model, tokenizer, data, settings, progress)
    except CannotTrimError as error:
        if settings.trim_vocab == "optional":
            progress.say(f"vocabulary: {error}; it stays whole.")
            return model, tokenizer, {"skipped": str(error)}
        raise _refusal(error) from error


def _trim(
    model: Any, tokenizer: Any, data: StageData, settings: CompressSettings, progress: Progress
) -> tuple[Any, Any, dict[str, Any]]:
    from mctl.compression.vocabulary import trim, usage_of

    characters: Counter[str] = Counter()
    usage = usage_of(tokenizer, counting(data.splits["train"].texts, characters))
    corpora: list[CorpusFacts] = []
    for path, sha256 in corpus_hashes(list(map(Path, settings.vocab_corpus))).items():
        more, facts = _read(Corpus(path, data.dataset.columns.text), sha256, tokenizer)
        _compare_scripts(facts, script_shares(characters), progress)
        usage += more
        corpora.append(facts)
    trimmed = trim(model, tokenizer, usage, settings.vocab_spare)
    _check_training_texts(tokenizer, trimmed, data.splits["train"].texts)
    evaluation = _evaluation(tokenizer, trimmed, data.splits["test"].texts)
    progress.say(_sentence(trimmed, evaluation))
    facts_of_all = {**asdict(trimmed.report), "test": evaluation, "corpora": [asdict(facts) for facts in corpora]}
    return trimmed.model, trimmed.tokenizer, facts_of_all


def _read(corpus: Corpus, sha256: str, tokenizer: Any) -> tuple[Usage, CorpusFacts]:
    """Go through a corpus once.

    Raises:
        UserError: it holds no text, or no letter that the tokenizer knows.
    """
    from mctl.compression.vocabulary import usage_of

    characters: Counter[str] = Counter()
    usage = usage_of(tokenizer, counting(corpus, characters))
    shares, known = script_shares(characters), _known_percent(tokenizer, letters(characters))
    where = f"--vocab-corpus {corpus.path}"
    if not usage.texts:
        raise UserError("there is no text in this file.", where=where, todo="Give it texts, or another file.")
    if not known:
        raise UserError(
            f"the tokenizer knows no letter of it ({listed(shares)}).",
            where=where,
            todo="Name a corpus in a script that the model was trained on.",
        )
    return usage, CorpusFacts(str(corpus.path), sha256, usage.texts, shares, known)


def _known_percent(tokenizer: Any, counts: Mapping[str, int]) -> float:
    """How many of these letters are not unknown, each of them being tokenized alone."""
    if tokenizer.unk_token is None or not counts:
        return 100.0
    known = sum(count for letter, count in counts.items() if tokenizer.unk_token not in tokenizer.tokenize(letter))
    return 100.0 * known / sum(counts.values())


def _compare_scripts(corpus: CorpusFacts, trained: Mapping[str, float], progress: Progress) -> None:
    """Say so when a corpus is mostly in scripts that the training texts are not written in."""
    shared = sum(share for name, share in corpus.scripts.items() if trained.get(name, 0) >= _LEAST_SHARE)
    if shared < 0.5:
        progress.say(
            f"vocabulary: {corpus.file} is in other scripts ({listed(corpus.scripts)}) than the training texts "
            f"({listed(trained)}). The tokenizer knows {corpus.known_letters_percent:.0f} % of its letters, and the "
            "pieces that it uses are kept too."
        )


def _check_training_texts(before: Any, trimmed: Trimmed, texts: Sequence[str]) -> None:
    from mctl.compression.vocabulary import changed_texts

    if changed_texts(before, trimmed.tokenizer, trimmed.kept_ids, texts[:_CHECKED_TEXTS]).any():
        raise RuntimeError("trimming the vocabulary changed the tokens of training texts: this is a bug of mctl")


def _evaluation(before: Any, trimmed: Trimmed, texts: Sequence[str]) -> dict[str, Any]:
    """What trimming does to texts that it has not seen."""
    from mctl.compression.vocabulary import changed_texts

    changed = changed_texts(before, trimmed.tokenizer, trimmed.kept_ids, texts)
    return {
        "texts": len(texts),
        "changed_texts_percent": 100.0 * float(changed.mean()),
        "unknown_tokens_percent_before": _unknown_percent(before, texts),
        "unknown_tokens_percent_after": _unknown_percent(trimmed.tokenizer, texts),
    }


def _unknown_percent(tokenizer: Any, texts: Sequence[str]) -> float:
    from mctl.compression.vocabulary import usage_of

    if tokenizer.unk_token_id is None:
        return 0.0
    counts = usage_of(tokenizer, texts).counts
    return 100.0 * float(counts[tokenizer.unk_token_id]) / max(1, int(counts.sum()))


def _sentence(trimmed: Trimmed, evaluation: Mapping[str, Any]) -> str:
    report = trimmed.report
    millions = report.parameters_after / 1e6, report.parameters_before / 1e6
    unknown = evaluation["unknown_tokens_percent_after"], evaluation["unknown_tokens_percent_before"]
    return (
        f"vocabulary: {report.tokens_after:,} of {report.tokens_before:,} tokens stay, and {millions[0]:.1f} M of "
        f"{millions[1]:.1f} M parameters; {evaluation['changed_texts_percent']:.1f} % of the test texts have other "
        f"tokens than before, {unknown[0]:.2f} % of them unknown (before: {unknown[1]:.2f} %)"
    )
