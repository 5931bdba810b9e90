"""The student before it learns: the teacher, or some of its layers; and what it is going to learn from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mctl.errors import UserError
from mctl.pipeline.dataset import StageData
from mctl.pipeline.feasible import check_feasible
from mctl.pipeline.finetune import tokenized_splits
from mctl.pipeline.inherit import max_length
from mctl.pipeline.loading import load_classifier, load_tokenizer
from mctl.progress import Progress
from mctl.recipe import ModelSettings, Recipe

if TYPE_CHECKING:
    from mctl.compression.teacher import Distillation
    from mctl.compression.trainer import Teaching

_GIGABYTE = 10**9
# Texts that layers are judged on, and how many at a time.
_INFLUENCE_TEXTS, _BATCH = 256, 32


@dataclass(frozen=True)
class Shop:
    """What all steps of one compression work with.

    Attributes:
        recipe: resolved.
        teacher: where the teacher is.
        data: cleaned splits.
        work: folder for what an interrupted run goes on from.
    """

    recipe: Recipe
    teacher: ModelSettings
    data: StageData
    work: Path
    progress: Progress


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
    model = load_classifier(shop.teacher).eval()
    layers = _layers(shop, model, tokenizer)
    check_feasible(settings, layout_of(model).of_layers(layers))
    splits = tokenized_splits(tokenizer, shop.data, max_length(shop.recipe), shop.progress)
    teaching = _teaching(shop, model, tokenizer, splits["train"], layers) if settings.distill else None
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
    texts = list(shop.data.splits["train"].texts[:_INFLUENCE_TEXTS])
    options: dict[str, Any] = {"padding": True, "truncation": True, "max_length": max_length(shop.recipe)}
    batches = [
        dict(tokenizer(texts[first : first + _BATCH], return_tensors="pt", **options))
        for first in range(0, len(texts), _BATCH)
    ]
    return most_influential(influences(model, batches), settings.layers)


def _teaching(shop: Shop, model: Any, tokenizer: Any, rows: Any, layers: tuple[int, ...]) -> Teaching:
    """Lessons kept on disk, or a second copy of the teacher where they would take too much of it."""
    import torch

    from mctl.compression.lessons import record
    from mctl.compression.teacher import Teacher
    from mctl.compression.trainer import Teaching

    distillation = _distillation(shop, model, layers)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    teacher = Teacher(model.to(device), distillation.watch_teacher)
    limit = round(shop.recipe.compress.teacher_cache_gb * _GIGABYTE)
    lessons = record(teacher, rows, tokenizer, shop.work / "teacher", limit, shop.progress)
    model.cpu()
    if lessons is not None:
        return Teaching(distillation, lessons)
    return Teaching(distillation, teacher=Teacher(load_classifier(shop.teacher), distillation.watch_teacher))


def _distillation(shop: Shop, model: Any, layers: tuple[int, ...]) -> Distillation:
    from mctl.compression.layout import layout_of
    from mctl.compression.teacher import Distillation

    settings, layout = shop.recipe.compress, layout_of(model)
    return Distillation(
        temperature=settings.temperature,
        weight=settings.distill_weight,
        hidden_weight=settings.hidden_weight if "hidden" in settings.distill else 0.0,
        relations_weight=settings.relations_weight if "relations" in settings.distill else 0.0,
        layers=layers,
        heads=tuple(range(layout.heads[layers[-1]])),
        head_size=layout.head_size,
    )
