"""What a student is going to learn from its teacher or tutor, asked before anything else is done."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mctl.pipeline.augmentation import labelled_by_teacher, more_texts, with_more
from mctl.pipeline.loading import load_classifier
from mctl.pipeline.shop import Shop
from mctl.pipeline.tutor import Asked, ask_tutor

if TYPE_CHECKING:
    from mctl.compression.features import Watch
    from mctl.compression.lessons import Lessons
    from mctl.compression.teacher import Distillation
    from mctl.compression.trainer import Teaching

_GIGABYTE = 10**9


def taught(shop: Shop, model: Any, tokenizer: Any, rows: Any, layers: tuple[int, ...]) -> tuple[Any, Teaching]:
    """Ask the teacher for its outputs on the training texts, and on more texts if these are wanted.

    Args:
        model: the teacher; it comes back on the CPU. It is asked unless there is a tutor.
        rows: the tokenised training texts.
        layers: the teacher's number of each of the student's layers.

    Returns:
        The rows to train on, and what is learnt: outputs of the teacher or tutor kept on disk, or itself where they
        would take too much.

    Raises:
        UserError: what is to be learnt cannot be learnt from this tutor, or there are no such texts.
    """
    import torch

    from mctl.compression.trainer import Teaching

    distillation = _distillation(shop, model, layers)
    originals = len(rows)
    more = more_texts(shop)
    if more:
        rows = with_more(shop, tokenizer, rows, more)
    asked = _asked(shop, model, tokenizer, rows, more, distillation.watch_teacher)
    asked.teacher.model.to("cuda" if torch.cuda.is_available() else "cpu")
    lessons = _recorded(shop, asked, "teacher")
    if more:
        known = lessons or _recorded(shop, _for_logits(asked), "labels")
        assert known is not None, "logits alone always fit"
        rows = labelled_by_teacher(rows, originals, known.logits)
    asked.teacher.model.cpu()
    teaching = Teaching(distillation, lessons, dropout=shop.recipe.compress.dropout)
    if lessons is not None:
        return rows, teaching
    if shop.tutor is not None:
        return rows, replace(teaching, teacher=asked.teacher)
    # The student is made of the model that was asked.
    return rows, replace(teaching, teacher=replace(asked.teacher, model=load_classifier(shop.teacher)))


def _asked(shop: Shop, model: Any, tokenizer: Any, rows: Any, more: list[str], watch: Watch) -> Asked:
    """Who is asked, and the training texts as it reads them."""
    from mctl.compression.teacher import Teacher

    if shop.tutor is None:
        return Asked(Teacher(model, watch), tokenizer, rows)
    texts = shop.data.splits["train"].texts
    return ask_tutor(shop, shop.tutor, tokenizer, rows, [*texts, *more] if more else texts, watch)


def _for_logits(asked: Asked) -> Asked:
    from mctl.compression.features import Watch

    return replace(asked, teacher=replace(asked.teacher, watch=Watch()))


def _recorded(shop: Shop, asked: Asked, name: str) -> Lessons | None:
    from mctl.compression.lessons import record

    limit = round(shop.recipe.compress.teacher_cache_gb * _GIGABYTE)
    return record(asked.teacher, asked.rows, asked.tokenizer, shop.work / name, limit, shop.progress)


def _distillation(shop: Shop, model: Any, layers: tuple[int, ...]) -> Distillation:
    from mctl.compression.layout import layout_of
    from mctl.compression.teacher import Distillation

    settings, layout = shop.recipe.compress, layout_of(model)
    tutored = shop.tutor is not None and shop.tutor.layers
    return Distillation(
        temperature=settings.temperature,
        weight=settings.distill_weight,
        hidden_weight=settings.hidden_weight if "hidden" in settings.distill else 0.0,
        relations_weight=settings.relations_weight if "relations" in settings.distill else 0.0,
        layers=tutored or layers,
        heads=tuple(range(layout.heads[layers[-1]])),
        head_size=layout.head_size,
    )
