"""Prune while learning, strip, recover: the compressed artifact."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mctl.artifact import Artifact, Kind, seal, stage_key, writing
from mctl.pipeline.corpus import unusual_reading
from mctl.pipeline.dataset import DROPPED_ROWS, StageData, load_stage_data
from mctl.pipeline.describe import describe
from mctl.pipeline.energy import making
from mctl.pipeline.feasible import check_asked, check_place, learns
from mctl.pipeline.finetune import TEACHER, freeze_embeddings
from mctl.pipeline.inherit import max_length, resolved
from mctl.pipeline.loading import check_length, class_order, load_classifier, load_config
from mctl.pipeline.provenance import from_elsewhere, say_if_unknown
from mctl.pipeline.prune import prune
from mctl.pipeline.saving import save_tokenizer
from mctl.pipeline.shop import Shop
from mctl.pipeline.stage import finished, made, manifest, work_folder
from mctl.pipeline.student import Student, make_student
from mctl.pipeline.target import check_at, check_target, target_inputs
from mctl.pipeline.teacher import find_or_make_teacher
from mctl.pipeline.tutor import Tutor, find_tutor, tutor_settings
from mctl.pipeline.unlabelled import unlabelled_facts, unlabelled_inputs
from mctl.pipeline.vocabulary import trim_vocabulary, vocabulary_inputs
from mctl.progress import Progress
from mctl.recipe import CompressSettings, ModelSettings, Recipe
from mctl.report.card import model_card


def compress(recipe: Recipe, progress: Progress, later: Sequence[tuple[Path, Kind]] = ()) -> Artifact:
    """Compress the teacher, which is made first if there is none.

    Args:
        later: places of what the same command makes of it, see `stage.finished`.

    Raises:
        UserError: the teacher or the data cannot be used, or no layout reaches the level.
    """
    from mctl.compression.mixed_precision import check_precision, say_if_slower
    from mctl.compression.repeatable import repeatable

    check_asked(recipe.compress)
    folder = recipe.artifacts / artifact_name(recipe.compress)
    check_place(folder, TEACHER, named=recipe.compress.name is not None)
    check_precision(recipe.compress.mixed_precision)
    tutor_settings(recipe)  # Before the teacher is made, which may take hours.
    corpora = vocabulary_inputs(recipe.compress) | unlabelled_inputs(recipe.compress)
    check_target(recipe.compress)
    teacher = find_or_make_teacher(recipe, progress, ((folder, "compressed"), *later))
    recipe = resolved(recipe, teacher)
    model_settings = ModelSettings(name=str(teacher.folder))
    config = load_config(model_settings)
    check_length(config, max_length(recipe))
    check_at(recipe, config)
    tutor = find_tutor(recipe, config)
    data = load_stage_data(recipe.data, progress, class_order(config))
    told = None if tutor is None else tutor.as_dict()
    say_if_unknown(from_elsewhere(teacher, folder.name, told, data.dataset.sha256), data, progress)
    key = key_of(recipe, teacher, data, tutor, corpora)
    if done := finished(folder, "compressed", key, progress, later):
        return done
    say_if_slower(recipe.compress.mixed_precision, progress)
    started = time.monotonic()
    with (
        work_folder(recipe.artifacts, folder.name, key) as work,
        repeatable(),
        making(recipe.measure, progress) as spent,
    ):
        shop = Shop(recipe, model_settings, data, work, progress, tutor)
        student = make_student(shop)
        pruned = prune(shop, student)
        model = _recover(shop, student, pruned)

        def make() -> Artifact:
            # At the end: the training texts keep their tokens, so that training would be the same with it before.
            small, tokenizer, vocabulary = trim_vocabulary(model, student.tokenizer, data, recipe, progress)
            facts = describe(small, tokenizer, data, recipe, progress)
            facts |= {} if vocabulary is None else {"vocabulary": vocabulary}
            facts |= {"pruning": pruned, "layers": student.layers, "seconds": time.monotonic() - started, **spent()}
            facts |= unlabelled_facts(corpora) | ({} if tutor is None else {"tutor": tutor.as_dict()})
            facts["before"] = {name: teacher.manifest.facts[name] for name in ("layout", "parameters")}
            return _save(shop, folder.name, key, teacher, small, tokenizer, facts)

        return made(folder, make)


def key_of(recipe: Recipe, teacher: Artifact, data: StageData, tutor: Tutor | None, corpora: dict[str, str]) -> str:
    """Identity of the result. Who teaches counts by content, not by name."""
    settings = recipe.compress.model_dump(exclude={"teacher", "name", "distill_from", "vocab_corpus", "unlabelled"})
    inputs = {"teacher": teacher.as_parent().manifest_sha256, "data": data.dataset.sha256}
    inputs |= corpora | unusual_reading(recipe.data) if corpora else {}
    inputs |= {} if tutor is None else {"tutor": tutor.fingerprint}
    return stage_key("compress", settings | {"max_length": max_length(recipe)} | target_inputs(recipe), inputs)


def artifact_name(settings: CompressSettings) -> str:
    """Folder name of a compressed artifact: as the user says, or what was done to the teacher."""
    if settings.name is not None:
        return settings.name
    faster = settings.target_speedup
    parts = [f"prune{settings.prune:g}" if faster is None else f"speedup{faster:g}"]
    if settings.method != "movement":
        parts.append(settings.method)
    if settings.structure == "blocks":
        parts.append(f"blocks{settings.block}")
    if settings.layers is not None:
        parts.append(f"layers{settings.layers}")
    if settings.distill:
        parts.append("distill")
    if settings.trim_vocab:
        parts.append("vocab")
    return "-".join(parts)


def _recover(shop: Shop, student: Student, pruned: dict[str, Any]) -> Any:
    """Train the stripped model: these epochs are cheaper than those under masks.

    Without masks there was no ramp, and its epochs are spent here. Where nothing but tokens goes, there are none.
    """
    from mctl.compression.phase import Phase
    from mctl.compression.trainer import train

    settings = shop.recipe.compress
    epochs = settings.recovery_epochs + (0 if settings.prune else settings.ramp_epochs) if learns(settings) else 0
    model = load_classifier(ModelSettings(name=str(shop.work / "stripped")))
    freeze_embeddings(model, settings.freeze_embeddings)
    if not epochs:
        return model
    teaching = student.teaching
    if teaching is not None:
        heads = tuple(pruned["kept_heads"][-1])
        teaching = replace(teaching, distillation=replace(teaching.distillation, heads=heads))
    # The rate falls to zero: a student of a teacher comes nearer to it to the end, which accuracy on a small dev split
    # is too coarse to see. Labels alone can be learnt by heart.
    phase = Phase("recover", shop.work / "recovery", epochs, keep_best=teaching is None)
    train(model, student.tokenizer, student.splits, settings, phase, teaching=teaching, progress=shop.progress)
    return model.cpu()


def _save(
    shop: Shop, name: str, key: str, teacher: Artifact, model: Any, tokenizer: Any, facts: dict[str, Any]
) -> Artifact:
    from mctl.compression.strip import copy_modeling_code

    folder = shop.recipe.artifacts / name
    with writing(folder) as temporary:
        model.save_pretrained(temporary)
        save_tokenizer(tokenizer, temporary)
        copy_modeling_code(temporary)
        complete = manifest(
            "compressed", folder, key, shop.recipe, parents=[teacher], data=shop.data.summary(), facts=facts
        )
        shop.data.dataset.dropped.write(temporary / DROPPED_ROWS)
        (temporary / "README.md").write_text(model_card(complete), encoding="utf-8")
        return seal(temporary, folder, complete)
