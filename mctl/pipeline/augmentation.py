"""More training texts for a student than there are labels: altered copies, labelled by the teacher."""

from __future__ import annotations

from typing import Any

from mctl.pipeline.inherit import max_length
from mctl.pipeline.shop import Shop


def with_altered_copies(shop: Shop, tokenizer: Any, rows: Any) -> Any:
    """The tokenised training texts and, after them, `[compress] augment` altered copies of each, labelled 0 for now."""
    import datasets

    from mctl.compression.augment import altered
    from mctl.compression.texts import tokenized

    settings = shop.recipe.compress
    texts = altered(list(shop.data.splits["train"].texts), settings.augment, settings.seed)
    copies = tokenized(tokenizer, texts, [0] * len(texts), max_length(shop.recipe), shop.work).rows
    shop.progress.say(f"data: {len(texts)} altered copies of the training texts are learnt from as well")
    return datasets.concatenate_datasets([rows, copies])


def labelled_by_teacher(rows: Any, originals: int, logits: Any) -> Any:
    """`rows` with the teacher's label on every copy; the originals keep their own.

    Args:
        originals: how many rows at the beginning are texts of the data.
        logits: the teacher's, (rows, classes).
    """
    labels = [*rows["labels"][:originals], *logits[originals:].argmax(1).tolist()]
    return rows.remove_columns("labels").add_column("labels", labels)
