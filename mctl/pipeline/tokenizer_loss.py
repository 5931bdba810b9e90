"""What a tokenizer loses of the texts before the model sees them: vowel signs that it strips, words that it lacks.

BERT's lower-casing also strips what Unicode calls accents, and these are most vowel signs of Devanagari and other
scripts: words that differ in them alone become one. A folder with vocab.txt alone gets this by default.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from mctl.errors import UserError
from mctl.pipeline.model_files import file_of, loading, read_json
from mctl.progress import Progress
from mctl.recipe import ModelSettings

# Enough for a share of a percent; reading them takes a second.
_TEXTS = 2000
_WORTH_SAYING = 0.02
_UNKNOWN_WORTH_SAYING = 0.05
_SETTINGS = '{"do_lower_case": false, "strip_accents": false}'


@dataclass(frozen=True)
class Loss:
    """What a tokenizer loses of some texts.

    Attributes:
        share: of letters and combining marks that its normalizer removes, 0 to 1.
        lost: these characters, the most frequent first.
        unknown: share of tokens that are the unknown token, 0 to 1.
    """

    share: float
    lost: tuple[str, ...]
    unknown: float


def loss_of(tokenizer: Any, texts: Sequence[str]) -> Loss:
    """Measure it on the first 2,000 texts.

    A tokenizer without a normalizer that can be asked, as those in Python are, counts as one that removes nothing.
    """
    sample = list(islice(texts, _TEXTS))
    normalizer = getattr(getattr(tokenizer, "backend_tokenizer", None), "normalizer", None)
    before: Counter[str] = Counter()
    after: Counter[str] = Counter()
    for text in sample:
        before.update(_letters(text))
        after.update(_letters(text if normalizer is None else normalizer.normalize_str(text)))
    gone = before - after
    ids = [token for row in tokenizer(sample, add_special_tokens=False)["input_ids"] for token in row]
    unknown = 0 if tokenizer.unk_token_id is None else ids.count(tokenizer.unk_token_id)
    return Loss(
        share=max(0, before.total() - after.total()) / max(1, before.total()),
        lost=tuple(character for character, _ in gone.most_common(6)),
        unknown=unknown / max(1, len(ids)),
    )


def _letters(text: str) -> list[str]:
    """Letters and combining marks, decomposed and without case, which is no loss of a character."""
    decomposed = unicodedata.normalize("NFD", text.casefold())
    return [character for character in decomposed if unicodedata.category(character)[0] in "LM"]


def check_loss(
    tokenizer: Any, texts: Sequence[str], settings: ModelSettings, progress: Progress, *, trained: bool
) -> None:
    """Say what a tokenizer loses of the training texts.

    Args:
        trained: whether the model was trained with this tokenizer, so that another one would not fit it.

    Raises:
        UserError: a trained model came without the settings of its tokenizer, and the default loses much: whether it
            was trained so cannot be known.
    """
    with loading(settings, "the tokenizer"):
        loss = loss_of(tokenizer, texts)
    if loss.unknown >= _UNKNOWN_WORTH_SAYING:
        progress.say(
            f"tokenizer: {100 * loss.unknown:.1f} % of the tokens of the training texts are unknown to it, and the "
            "model sees nothing of them."
        )
    if loss.share < _WORTH_SAYING:
        return
    lost = " ".join(f"◌{sign}" if _is_mark(sign) else sign for sign in loss.lost)
    what = (
        f"its tokenizer drops {100 * loss.share:.1f} % of the letters and vowel signs of the training texts ({lost}), "
        "so that words that differ in these alone become one"
    )
    if trained and not _has_settings(settings):
        raise UserError(
            f"{what}. This is the default of BERT for vocab.txt alone, and nothing says that it was trained so.",
            where=settings.name,
            todo=f"Put the tokenizer_config.json that the model was trained with beside it: {_SETTINGS} keeps them, "
            '{"do_lower_case": true} drops them.',
        )
    todo = (
        "The model was trained so; to train one that sees them, start from an encoder whose tokenizer keeps them."
        if trained
        else f"To keep them, set {_SETTINGS} in tokenizer_config.json of {settings.name}, if its vocabulary has them."
    )
    progress.say(f"tokenizer: {what}. {todo}")


def _is_mark(character: str) -> bool:
    return unicodedata.category(character).startswith("M")


def _has_settings(settings: ModelSettings) -> bool:
    """Whether the folder says how texts are normalised: in tokenizer.json, or by a setting."""
    if file_of(settings, "tokenizer.json") is not None:
        return True
    path = file_of(settings, "tokenizer_config.json")
    content = {} if path is None else read_json(path, str(settings.name))
    return bool({"do_lower_case", "strip_accents"} & content.keys())
