"""Prune while learning, strip, recover: the compressed artifact."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from mctl.artifact import MANIFEST, Artifact, load_artifact, newest_artifact, seal, stage_key, writing
from mctl.errors import UserError
from mctl.pipeline.dataset import load_stage_data
from mctl.pipeline.describe import describe
from mctl.pipeline.finetune import adopt, finetune, freeze_embeddings, tokenized_splits
from mctl.pipeline.inherit import max_length, resolved
from mctl.pipeline.loading import check_length, class_order, load_classifier, load_config, load_tokenizer
from mctl.pipeline.saving import save_tokenizer
from mctl.pipeline.stage import finished, manifest, work_folder
from mctl.progress import Progress
from mctl.recipe import CompressSettings, ModelSettings, Recipe
from mctl.report.card import model_card


def compress(recipe: Recipe, progress: Progress) -> Artifact:
    """Compress the teacher, which is made first if there is none.

    Raises:
        UserError: the teacher or the data cannot be used, or no layout reaches the level.
    """
    from mctl.compression.strip import copy_modeling_code

    teacher = find_or_make_teacher(recipe, progress)
    recipe = resolved(recipe, teacher)
    model_settings = ModelSettings(name=str(teacher.folder))
    config = load_config(model_settings)
    check_length(config, max_length(recipe))
    data = load_stage_data(recipe.data, progress, class_order(config))
    folder = recipe.artifacts / artifact_name(recipe.compress)
    settings = recipe.compress.model_dump(exclude={"teacher"}) | {"max_length": max_length(recipe)}
    key = stage_key("compress", settings, {"teacher": teacher.as_parent().manifest_sha256, "data": data.dataset.sha256})
    if done := finished(folder, key, progress):
        return done
    started = time.monotonic()
    with work_folder(recipe.artifacts, folder.name, key) as work:
        tokenizer = load_tokenizer(model_settings)
        splits = tokenized_splits(tokenizer, data, max_length(recipe), progress)
        pruned = _ramp(recipe, model_settings, tokenizer, splits, work, progress)
        model = _recover(recipe, model_settings, tokenizer, splits, work, progress)
        facts = describe(model, tokenizer, data, recipe, progress)
        facts |= {"pruning": pruned, "seconds": time.monotonic() - started}
        facts["before"] = {name: teacher.manifest.facts[name] for name in ("layout", "parameters")}
        with writing(folder) as temporary:
            model.save_pretrained(temporary)
            save_tokenizer(tokenizer, temporary)
            copy_modeling_code(temporary)
            complete = manifest("compressed", folder, key, recipe, parents=[teacher], data=data.summary(), facts=facts)
            (temporary / "README.md").write_text(model_card(complete), encoding="utf-8")
            return seal(temporary, folder, complete)


def artifact_name(settings: CompressSettings) -> str:
    """Folder name of a compressed artifact: what was done to the teacher."""
    parts = [f"prune{settings.prune:g}"]
    if settings.structure == "blocks":
        parts.append(f"blocks{settings.block}")
    if settings.distill:
        parts.append("distill")
    return "-".join(parts)


def find_or_make_teacher(recipe: Recipe, progress: Progress) -> Artifact:
    """The teacher to compress: the one that `[compress] teacher` names, the newest one there is, or a new one."""
    if recipe.compress.teacher is not None:
        return _artifact_of(Path(recipe.compress.teacher), recipe.artifacts) or adopt(recipe, progress)
    if recipe.model.name is not None:
        return finetune(recipe, progress)
    teacher = newest_artifact(recipe.artifacts, ("teacher",))
    if teacher is None:
        raise UserError(
            f"there is no teacher in {recipe.artifacts}, and no model to make one from.",
            where="--model",
            todo="Name an encoder with --model, or a fine-tuned classifier with --teacher.",
        )
    progress.say(f"teacher: {teacher.folder}, the newest there is")
    return teacher


def _artifact_of(folder: Path, root: Path) -> Artifact | None:
    """The artifact that `--teacher` names, when it is one of `root`; a teacher from elsewhere is copied there, because
    `validate` looks for it beside what is made of it.

    Raises:
        UserError: it is an artifact, but no teacher.
    """
    if not (folder / MANIFEST).is_file():
        return None
    artifact = load_artifact(folder)
    if artifact.manifest.kind != "teacher":
        raise UserError(
            f"this is a {artifact.manifest.kind} artifact, not a teacher.",
            where=str(folder),
            todo="Compress its teacher; a compressed model is not compressed again.",
        )
    return artifact if folder.resolve().parent == root.resolve() else None


def _ramp(
    recipe: Recipe, teacher: ModelSettings, tokenizer: Any, splits: dict[str, Any], work: Path, progress: Progress
) -> dict[str, Any]:
    """Train under masks that grow to the level, strip, and keep the stripped model in `work`.

    Returns:
        What pruning did: masked and removed percent, the largest logit difference that the strip made.
    """
    import json

    from mctl.artifact import write_atomically

    done = work / "stripped" / "pruning.json"
    if done.exists():
        progress.say("resuming after the strip.")
        return dict(json.loads(done.read_text()))
    pruned, model = _prune(recipe, teacher, tokenizer, splits, work, progress)
    model.save_pretrained(done.parent)
    write_atomically(done, json.dumps(pruned).encode())
    return pruned


def _prune(
    recipe: Recipe, teacher: ModelSettings, tokenizer: Any, splits: dict[str, Any], work: Path, progress: Progress
) -> tuple[dict[str, Any], Any]:
    from transformers import set_seed

    from mctl.compression.families import family_of
    from mctl.compression.layout import layout_of
    from mctl.compression.movement import attach_masks
    from mctl.compression.stripping import strip_masked
    from mctl.compression.trainer import Phase, Pruning, train

    settings = recipe.compress
    model = load_classifier(teacher)
    freeze_embeddings(model, settings.freeze_embeddings)
    set_seed(settings.seed)  # Scores start at a random tie-break.
    before = layout_of(model)
    family = family_of(model.config)
    if settings.structure == "blocks":
        _check_block(model, family, settings.block)
    masks = attach_masks(model, family, before.head_size, settings.structure, settings.block)
    _check_level(masks.groups, settings.prune)
    pruning = Pruning(masks, settings.prune / 100, settings.score_learning_rate)
    phase = Phase("prune", work / "ramp", settings.ramp_epochs, decay=False)
    train(
        model, tokenizer, splits, settings, phase, teacher=_teacher(recipe, teacher), pruning=pruning, progress=progress
    )
    result = strip_masked(model, masks, splits["dev"], tokenizer)
    progress.say(
        f"stripped: {result.removed_percent:.2f} % of the encoder's weights are gone "
        f"({result.masked_percent:.2f} % were masked); logits differ by at most {result.max_abs_logit_diff:.1e}"
    )
    return result.as_dict(), result.model


def _check_block(model: Any, family: Any, block: int) -> None:
    import math

    linears = (family.linear(layer, role) for layer in family.layers(model) for role in ("query", "ffn_in"))
    sides = sorted({side for linear in linears for side in linear.weight.shape})
    if any(side % block for side in sides):
        raise UserError(
            f"squares of {block} do not tile this encoder's matrices, whose sides are {', '.join(map(str, sides))}.",
            where="--block",
            todo=f"Choose a divisor of {math.gcd(*sides)}.",
        )


def _check_level(groups: Any, prune: float) -> None:
    from mctl.compression.budget import Budget

    largest = 100 * Budget.of(groups).largest_level(groups)
    if prune > largest:
        raise UserError(
            f"every layer keeps a head and an FFN row, so at most {largest:.1f} % can be removed from this encoder.",
            where="--prune",
            todo="Ask for less.",
        )


def _recover(
    recipe: Recipe, teacher: ModelSettings, tokenizer: Any, splits: dict[str, Any], work: Path, progress: Progress
) -> Any:
    """Train the stripped model: these epochs are cheaper than those under masks."""
    from mctl.compression.trainer import Phase, train

    settings = recipe.compress
    model = load_classifier(ModelSettings(name=str(work / "stripped")))
    freeze_embeddings(model, settings.freeze_embeddings)
    if settings.recovery_epochs:
        phase = Phase("recover", work / "recovery", settings.recovery_epochs, keep_best=True)
        train(model, tokenizer, splits, settings, phase, teacher=_teacher(recipe, teacher), progress=progress)
    return model


def _teacher(recipe: Recipe, settings: ModelSettings) -> Any:
    from mctl.compression.trainer import Teacher

    if not recipe.compress.distill:
        return None
    return Teacher(load_classifier(settings), recipe.compress.temperature, recipe.compress.distill_weight)
