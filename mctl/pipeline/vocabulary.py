"""The vocabulary of a compression: fewer tokens, the same ones for the texts at hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mctl.errors import UserError
from mctl.pipeline.corpus import Corpus, corpus_hashes
from mctl.pipeline.corpus_facts import CorpusFacts, check_corpus, compare_scripts, read_corpus
from mctl.pipeline.dataset import StageData
from mctl.pipeline.scripts import counting, script_shares
from mctl.progress import Progress
from mctl.recipe import CompressSettings, Recipe

if TYPE_CHECKING:
    from mctl.compression.vocabulary import Trimmed

# Training texts that are tokenized again to see that nothing changed: a fault would show in every other one.
_CHECKED_TEXTS = 1_000


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
    hashes = corpus_hashes(settings.vocab_corpus)
    return {"vocab_corpus": " ".join(sorted(hashes.values()))} if hashes else {}


def check_vocabulary(tokenizer: Any, data: StageData, recipe: Recipe, progress: Progress) -> None:
    """Refuse a tokenizer that cannot be trimmed, or a corpus of no use to it, before hours of training.

    Raises:
        UserError: the tokenizer is of no kind that can be trimmed, and the user did not allow to go on without; or a
            corpus begins with no text that it knows a letter of.
    """
    from mctl.compression.vocabulary import CannotTrimError
    from mctl.compression.vocabulary.document import read, vocabulary_of

    settings = recipe.compress
    if not settings.trim_vocab:
        return
    try:
        vocabulary_of(read(tokenizer), type(tokenizer).__name__)
    except CannotTrimError as error:
        if settings.trim_vocab is True:
            raise _refusal(error) from error
    for path in settings.vocab_corpus:
        check_corpus(_corpus(Path(path), data, recipe, progress), tokenizer)


def _corpus(path: Path, data: StageData, recipe: Recipe, progress: Progress) -> Corpus:
    column, reading = data.dataset.columns.text, recipe.data
    return Corpus(path, column, quotes=reading.quotes, sheet=reading.sheet, progress=progress)


def _refusal(error: Exception) -> UserError:
    return UserError(
        f"the vocabulary cannot be trimmed: {error}.",
        where="--trim-vocab",
        todo="Leave it away, or give --trim-vocab-optional to go on without.",
    )


def trim_vocabulary(
    model: Any, tokenizer: Any, data: StageData, recipe: Recipe, progress: Progress
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

    if not recipe.compress.trim_vocab:
        return model, tokenizer, None
    try:
        return _trim(model, tokenizer, data, recipe, progress)
    except CannotTrimError as error:
        if recipe.compress.trim_vocab == "optional":
            progress.say(f"vocabulary: {error}; it stays whole.")
            return model, tokenizer, {"skipped": str(error)}
        raise _refusal(error) from error


def _trim(
    model: Any, tokenizer: Any, data: StageData, recipe: Recipe, progress: Progress
) -> tuple[Any, Any, dict[str, Any]]:
    from mctl.compression.vocabulary import trim, usage_of

    settings = recipe.compress
    characters: Counter[str] = Counter()
    usage = usage_of(tokenizer, counting(data.splits["train"].texts, characters))
    corpora: list[CorpusFacts] = []
    for path, sha256 in corpus_hashes(settings.vocab_corpus).items():
        more, facts = read_corpus(_corpus(path, data, recipe, progress), sha256, tokenizer)
        compare_scripts(facts, script_shares(characters), progress)
        usage += more
        corpora.append(facts)
    trimmed = trim(model, tokenizer, usage, settings.vocab_spare)
    _check_training_texts(tokenizer, trimmed, data.splits["train"].texts)
    evaluation = _evaluation(tokenizer, trimmed, data.splits["test"].texts)
    progress.say(_sentence(trimmed, evaluation))
    facts_of_all = {**asdict(trimmed.report), "test": evaluation, "corpora": [asdict(facts) for facts in corpora]}
    return trimmed.model, trimmed.tokenizer, facts_of_all


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
