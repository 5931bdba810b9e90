"""More training texts for a student than there are labels: altered copies and others, labelled by the teacher."""

from __future__ import annotations

from typing import Any

from mctl.pipeline.inherit import max_length
from mctl.pipeline.shop import Shop
from mctl.pipeline.unlabelled import unlabelled_texts


def more_texts(shop: Shop) -> list[str]:
    """`[compress] augment` altered copies of each training text, and the texts of `[compress] unlabelled`.

    Raises:
        UserError: the files of texts cannot be read, or hold nothing new.
    """
    return [*_altered_copies(shop), *unlabelled_texts(shop)]


def _altered_copies(shop: Shop) -> list[str]:
    from mctl.compression.augment import altered

    settings = shop.recipe.compress
    if not settings.augment:
        return []
    texts = altered(list(shop.data.splits["train"].texts), settings.augment, settings.seed)
    shop.progress.say(f"data: {len(texts)} altered copies of the training texts are learnt from as well")
    return texts


def with_more(shop: Shop, tokenizer: Any, rows: Any, more: list[str]) -> Any:
    """The tokenised training texts and, after them, those of `more_texts`, labelled 0 for now."""
    import datasets

    from mctl.compression.texts import tokenized

    added = tokenized(tokenizer, more, [0] * len(more), max_length(shop.recipe), shop.work).rows
    return datasets.concatenate_datasets([rows, added])


def labelled_by_teacher(rows: Any, originals: int, logits: Any) -> Any:
    """`rows` with the teacher's label on every text that has none; the originals keep their own.

    Args:
        originals: how many rows at the beginning are texts of the data.
        logits: the teacher's, (rows, classes).
    """
    labels = [*rows["labels"][:originals], *logits[originals:].argmax(1).tolist()]
    return rows.remove_columns("labels").add_column("labels", labels)
