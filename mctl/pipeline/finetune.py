"""The teacher: fine-tuned here, or brought by the user."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mctl.artifact import Artifact, Kind, check_kind, seal, settle, stage_key, writing
from mctl.errors import UserError
from mctl.pipeline.dataset import DROPPED_ROWS, StageData, load_stage_data, tokenized_splits
from mctl.pipeline.describe import describe
from mctl.pipeline.energy import making
from mctl.pipeline.inherit import is_model_of, max_length, resolved
from mctl.pipeline.loading import (
    check_length,
    check_tokenizer,
    class_order,
    fingerprint,
    load_classifier,
    load_config,
    load_tokenizer,
)
from mctl.pipeline.pinning import pinned
from mctl.pipeline.provenance import say_if_unknown, started_from, teacher_from_elsewhere, trained_on
from mctl.pipeline.saving import save_tokenizer
from mctl.pipeline.stage import finished, made, manifest, work_folder
from mctl.pipeline.tokenizer_loss import check_loss
from mctl.processes import by_main
from mctl.progress import Progress
from mctl.recipe import ModelSettings, Recipe
from mctl.report.card import model_card

TEACHER = "teacher"


def finetune(recipe: Recipe, progress: Progress, later: Sequence[tuple[Path, Kind]] = ()) -> Artifact:
    """Fine-tune the encoder of `[model]` on `[data]`: the artifact `teacher`.

    Args:
        later: places of what the same command makes of it, see `stage.finished`.

    Raises:
        UserError: the model or the data cannot be used.
    """
    from mctl.compression.mixed_precision import check_precision, say_if_slower
    from mctl.compression.phase import Phase
    from mctl.compression.repeatable import repeatable
    from mctl.compression.trainer import train

    check_precision(recipe.finetune.mixed_precision)
    recipe = resolved(recipe)
    recipe = recipe.model_copy(update={"model": pinned(recipe.model)})
    check_length(load_config(recipe.model), max_length(recipe))
    data = load_stage_data(recipe.data, progress)
    started = started_from(recipe.model, data)
    say_if_unknown(teacher_from_elsewhere(started, TEACHER, data.dataset.sha256), data, progress)
    folder = recipe.artifacts / TEACHER
    settings = {"model": _identity(recipe.model), "finetune": recipe.finetune.model_dump()}
    inputs = {"data": data.dataset.sha256, "model": fingerprint(recipe.model)}
    key = stage_key("finetune", settings, inputs)
    if done := finished(folder, "teacher", key, progress, later):
        return done
    say_if_slower(recipe.finetune.mixed_precision, progress)
    began = time.monotonic()
    with work_folder(recipe.artifacts, TEACHER, key) as work, repeatable(), making(recipe.measure, progress) as spent:
        tokenizer = load_tokenizer(recipe.model)
        check_tokenizer(tokenizer, load_config(recipe.model), recipe.model)
        check_loss(tokenizer, data.splits["train"].texts, recipe.model, progress, trained=False)
        model = _fresh_classifier(recipe, data)
        splits = tokenized_splits(tokenizer, data, max_length(recipe), progress, work)
        epochs, patience = recipe.finetune.epochs, recipe.finetune.patience
        phase = Phase("fine-tune", work, epochs, keep_best=True, patience=patience, section="finetune")
        train(model, tokenizer, splits, recipe.finetune, phase, progress=progress)

        def make() -> Artifact:
            facts = describe(model, tokenizer, data, recipe, progress)
            facts |= {"seconds": time.monotonic() - began, **started, **spent()}
            return _save(folder, key, recipe, data, model, tokenizer, facts)

        return made(folder, make)


def adopt(recipe: Recipe, progress: Progress, later: Sequence[tuple[Path, Kind]] = ()) -> Artifact:
    """Take the classifier of `[compress] teacher`, fine-tuned elsewhere, as the artifact `teacher`.

    Args:
        later: places of what the same command makes of it, see `stage.finished`.

    Raises:
        UserError: the model or the data cannot be used, the data has labels that the model does not know, or another
            teacher is there.
    """
    recipe = resolved(recipe)
    # A revision under [model] is the encoder's, not the teacher's.
    settings = pinned(recipe.model.model_copy(update={"name": recipe.compress.teacher, "revision": None}))
    config = load_config(settings)
    check_length(config, max_length(recipe))
    data = load_stage_data(recipe.data, progress, class_order(config))
    folder = recipe.artifacts / TEACHER
    key = stage_key("adopt", _identity(settings), {"data": data.dataset.sha256, "model": fingerprint(settings)})
    by_main(lambda: settle(folder))
    _check_teacher(folder, key, str(settings.name))
    if done := finished(folder, "teacher", key, progress, later):
        return done
    with work_folder(recipe.artifacts, TEACHER, key):
        tokenizer = load_tokenizer(settings)
        check_tokenizer(tokenizer, config, settings)
        check_loss(tokenizer, data.splits["train"].texts, settings, progress, trained=True)
        model = load_classifier(settings)

        def make() -> Artifact:
            facts = describe(model, tokenizer, data, recipe, progress)
            facts |= {"adopted_from": str(settings.name), "adopted_revision": settings.revision, **trained_on(settings)}
            return _save(folder, key, recipe, data, model, tokenizer, facts)

        return made(folder, make)


def _check_teacher(folder: Path, key: str, name: str) -> None:
    """Refuse to put a classifier from elsewhere in the place of another teacher, whose training may have taken hours.

    Raises:
        UserError: the teacher there was fine-tuned here, or taken from another classifier.
    """
    try:
        there = check_kind(folder, "teacher")
    except UserError:
        return  # What `finished` says of it holds.
    if there is None or there.key == key:
        return
    origin = there.facts.get("adopted_from")
    if origin is not None and is_model_of(name, str(origin), Artifact(folder, there, "")):
        return
    made = "was fine-tuned here" if origin is None else f"comes from {origin}"
    raise UserError(
        f"the teacher in {folder} {made}: this one would replace it.",
        where=f"--teacher {name}",
        todo="Write elsewhere with --artifacts DIR, or leave --teacher out to compress the one that is there.",
    )


def freeze_embeddings(model: Any, wanted: bool | None) -> None:
    """Stop the embeddings from learning; by default where they hold more than half of the parameters.

    A multilingual vocabulary is mostly made of pieces that a small data set never shows: training them costs memory
    and time and teaches nothing.
    """
    from mctl.compression.families import family_of
    from mctl.compression.layout import count_parameters

    counts = count_parameters(model)
    if wanted if wanted is not None else counts.embeddings * 2 > counts.total:
        for module in family_of(model.config).embedding_modules(model):
            module.requires_grad_(False)


def _fresh_classifier(recipe: Recipe, data: StageData) -> Any:
    from transformers import set_seed

    set_seed(recipe.finetune.seed)  # The new classification head is drawn while loading.
    model = load_classifier(recipe.model, data.class_names)
    freeze_embeddings(model, recipe.finetune.freeze_embeddings)
    return model


def _identity(settings: ModelSettings) -> dict[str, Any]:
    """What of the model's settings changes the result: the content stands in the key's inputs."""
    return {"max_length": settings.max_length}


def _save(
    folder: Path, key: str, recipe: Recipe, data: StageData, model: Any, tokenizer: Any, facts: dict[str, Any]
) -> Artifact:
    with writing(folder) as temporary:
        model.save_pretrained(temporary)
        save_tokenizer(tokenizer, temporary)
        complete = manifest("teacher", folder, key, recipe, parents=[], data=data.summary(), facts=facts)
        data.dataset.dropped.write(temporary / DROPPED_ROWS)
        (temporary / "README.md").write_text(model_card(complete), encoding="utf-8")
        return seal(temporary, folder, complete)
