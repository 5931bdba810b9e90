"""Further texts without labels, for the student to learn what the teacher says of them: `[compress] unlabelled`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from mctl.artifact import Artifact
from mctl.data.dataset import Dataset
from mctl.data.text import comparison_key
from mctl.errors import UserError
from mctl.pipeline.corpus import Corpus, corpus_hashes
from mctl.pipeline.inherit import data_of, seen_from_here
from mctl.pipeline.shop import Shop
from mctl.recipe import CompressSettings

_FLAG, _FACT = "--unlabelled", "unlabelled_sha256"


def unlabelled_inputs(settings: CompressSettings) -> dict[str, str]:
    """What the stage key needs to know of these files: their content, in place of their paths.

    Raises:
        UserError: a file is missing, empty or no text, or there is no teacher to label it.
    """
    if settings.unlabelled and not settings.distill:
        raise UserError(
            "these texts have no labels but the teacher's, and nothing is learnt from it.",
            where=_FLAG,
            todo="Add --distill.",
        )
    hashes = corpus_hashes(settings.unlabelled, _FLAG)
    return {"unlabelled": " ".join(hashes.values())} if hashes else {}


def unlabelled_facts(inputs: Mapping[str, str]) -> dict[str, list[str]]:
    """What the manifest says of these files: SHA-256 of each.

    Args:
        inputs: those of `unlabelled_inputs`, and perhaps others.
    """
    return {_FACT: inputs["unlabelled"].split()} if "unlabelled" in inputs else {}


def unlabelled_texts(shop: Shop) -> list[str]:
    """The texts of `[compress] unlabelled`, cut to the length of training texts.

    Nothing that is in the data is among them: what stands in its dev and test splits is what the student is judged by.

    Raises:
        UserError: a file cannot be read, or there is nothing new in them.
    """
    from mctl.compression.pieces import pieces

    settings, splits = shop.recipe.compress, shop.data.splits
    if not settings.unlabelled:
        return []
    known = {comparison_key(text) for split in splits.values() for text in split.texts}
    lengths = [len(text.split()) for text in splits["train"].texts]
    read = _Read(shop, known)
    cut = pieces(read, lengths, settings.seed)
    found = {key: piece for piece in cut if (key := comparison_key(piece)) not in known}
    if not found:
        raise UserError(
            "there is no text in it that the data does not have.",
            where=f"{_FLAG} {', '.join(settings.unlabelled)}",
            todo="Name files of other texts.",
        )
    shop.progress.say(
        f"data: {read.texts} unlabelled texts ({read.known} more are in the data) are learnt from as well, "
        f"as {len(found)} of the length of training texts"
    )
    return list(found.values())


def unlabelled_keys(artifact: Artifact, dataset: Dataset) -> Iterator[str]:
    """The comparison keys of the texts without labels that an artifact learnt from, before they were cut.

    Args:
        artifact: a student; others learn from no such texts.
        dataset: that it was made from: what is in it was left out.

    Raises:
        UserError: a file is gone, or is not known to be what it was.
    """
    if artifact.manifest.kind != "compressed":  # The recipe of a teacher may name what is for its students.
        return
    data = data_of(artifact)
    named = (artifact.manifest.recipe.get("compress") or {}).get("unlabelled") or ()
    paths = tuple(seen_from_here(str(path), artifact) for path in named)
    if not paths:
        return
    hashes = list(corpus_hashes(paths, _FLAG).values())
    if hashes != artifact.manifest.facts.get(_FACT):  # Version 0.1.0 recorded none.
        raise UserError("these are not the texts that the artifact learnt from.", where=f"{_FLAG} {', '.join(paths)}")
    column = artifact.manifest.data["columns"]["text"]
    known = {comparison_key(text) for split in dataset.splits.values() for text in split.texts}
    for path in dict.fromkeys(paths):
        texts = Corpus(Path(path), column, _FLAG, data.quotes, data.sheet)
        yield from (key for text in texts if (key := comparison_key(text)) not in known)


class _Read:
    """The new texts of all files, counted while they are read.

    Attributes:
        texts: how many were new so far.
        known: how many were not.
    """

    def __init__(self, shop: Shop, known: set[str]) -> None:
        column, paths = shop.data.dataset.columns.text, dict.fromkeys(shop.recipe.compress.unlabelled)
        quotes, sheet = shop.recipe.data.quotes, shop.recipe.data.sheet
        self._files = [Corpus(Path(path), column, _FLAG, quotes, sheet, shop.progress) for path in paths]
        self._known = known
        self.texts = self.known = 0

    def __iter__(self) -> Iterator[str]:
        for file in self._files:
            for text in file:
                if comparison_key(text) in self._known:
                    self.known += 1
                else:
                    self.texts += 1
                    yield text
