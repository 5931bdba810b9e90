"""What a student is going to learn from its teacher, asked before anything else is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mctl.pipeline.augmentation import labelled_by_teacher, with_altered_copies
from mctl.pipeline.loading import load_classifier
from mctl.pipeline.shop import Shop
from mctl.recipe import CompressSettings

if TYPE_CHECKING:
    from mctl.compression.teacher import Distillation
    from mctl.compression.trainer import Teaching

_GIGABYTE = 10**9


def taught(shop: Shop, model: Any, tokenizer: Any, rows: Any, layers: tuple[int, ...]) -> tuple[Any, Teaching]:
    """Ask the teacher for its outputs on the training texts, and on altered copies of them if these are wanted.

    Args:
        model: the teacher; it comes back on the CPU.
        rows: the tokenised training texts.
        layers: the teacher's number of each of the student's layers.

    Returns:
        The rows to train on, and what is learnt from the teacher: its outputs kept on disk, or a second copy of it
        where they would take too much.
    """
    import torch

    from mctl.compression.features import Watch
    from mctl.compression.lessons import record
    from mctl.compression.teacher import Teacher
    from mctl.compression.trainer import Teaching

    settings = shop.recipe.compress
    distillation = _distillation(settings, model, layers)
    originals = len(rows)
    if settings.augment:
        rows = with_altered_copies(shop, tokenizer, rows)
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    limit = round(settings.teacher_cache_gb * _GIGABYTE)
    teacher = Teacher(model, distillation.watch_teacher)
    lessons = record(teacher, rows, tokenizer, shop.work / "teacher", limit, shop.progress)
    if settings.augment:
        # Logits alone always fit.
        known = lessons or record(Teacher(model, Watch()), rows, tokenizer, shop.work / "labels", limit, shop.progress)
        assert known is not None
        rows = labelled_by_teacher(rows, originals, known.logits)
    model.cpu()
    if lessons is not None:
        return rows, Teaching(distillation, lessons)
    return rows, Teaching(distillation, teacher=Teacher(load_classifier(shop.teacher), distillation.watch_teacher))


def _distillation(settings: CompressSettings, model: Any, layers: tuple[int, ...]) -> Distillation:
    from mctl.compression.layout import layout_of
    from mctl.compression.teacher import Distillation

    layout = layout_of(model)
    return Distillation(
        temperature=settings.temperature,
        weight=settings.distill_weight,
        hidden_weight=settings.hidden_weight if "hidden" in settings.distill else 0.0,
        relations_weight=settings.relations_weight if "relations" in settings.distill else 0.0,
        layers=layers,
        heads=tuple(range(layout.heads[layers[-1]])),
        head_size=layout.head_size,
    )
