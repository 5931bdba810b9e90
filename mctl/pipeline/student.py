"""The student before it learns: the teacher, or some of its layers; and what it is going to learn from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mctl.errors import UserError
from mctl.pipeline.dataset import tokenized_splits
from mctl.pipeline.feasible import check_feasible
from mctl.pipeline.inherit import max_length
from mctl.pipeline.loading import load_classifier, load_tokenizer
from mctl.pipeline.shop import Shop
from mctl.pipeline.teaching import taught
from mctl.pipeline.vocabulary import check_vocabulary

if TYPE_CHECKING:
    from mctl.compression.trainer import Teaching

# Texts that layers are judged on, and how many at a time.
_INFLUENCE_TEXTS, _BATCH = 256, 32


@dataclass(frozen=True)
class Student:
    """A dense classifier to prune.

    Attributes:
        model: on the CPU.
        tokenizer: its own.
        splits: "train" and "dev", tokenised by it.
        layers: the teacher's number of each of its layers.
        teaching: what it learns from; None: labels alone.
    """

    model: Any
    tokenizer: Any
    splits: dict[str, Any]
    layers: tuple[int, ...]
    teaching: Teaching | None


def make_student(shop: Shop) -> Student:
    """Load the teacher, ask it what it has to say of the training texts, and make the student of it.

    Raises:
        UserError: it has fewer layers than the student is to have, or cannot be pruned to the level.
    """
    from mctl.compression.depth import keep_layers
    from mctl.compression.layout import layout_of

    settings = shop.recipe.compress
    tokenizer = load_tokenizer(shop.teacher)
    check_vocabulary(tokenizer, shop.data, shop.recipe, shop.progress)
    model = load_classifier(shop.teacher).eval()
    layers = _layers(shop, model, tokenizer)
    check_feasible(settings, layout_of(model).of_layers(layers))
    splits = tokenized_splits(tokenizer, shop.data, max_length(shop.recipe), shop.progress, shop.work)
    teaching = None
    if settings.distill:
        splits["train"], teaching = taught(shop, model, tokenizer, splits["train"], layers)
    if settings.layers is not None:
        keep_layers(model, layers)
        shop.progress.say(f"layers {', '.join(map(str, layers))} of the teacher stay")
    return Student(model, tokenizer, splits, layers, teaching)


def _layers(shop: Shop, model: Any, tokenizer: Any) -> tuple[int, ...]:
    from mctl.compression.depth import evenly_spaced, influences, most_influential
    from mctl.compression.families import family_of

    settings = shop.recipe.compress
    count = len(family_of(model.config).layers(model))
    if settings.layers is None:
        return tuple(range(count))
    if settings.layers > count:
        raise UserError(
            f"the teacher has {count} layers, so {settings.layers} cannot stay.",
            where="--layers",
            todo=f"Ask for {count} or fewer.",
        )
    if settings.layers_by == "spacing":
        return evenly_spaced(count, settings.layers)
    all_texts = shop.data.splits["train"].texts
    # From beginning to end: files are often sorted by class.
    texts = list(all_texts[:: -(-len(all_texts) // _INFLUENCE_TEXTS)])
    options: dict[str, Any] = {"padding": True, "truncation": True, "max_length": max_length(shop.recipe)}
    batches = [
        dict(tokenizer(texts[first : first + _BATCH], return_tensors="pt", **options))
        for first in range(0, len(texts), _BATCH)
    ]
    return most_influential(influences(model, batches), settings.layers)
