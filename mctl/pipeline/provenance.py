"""What models from elsewhere may have been trained on: mctl cannot know, unless mctl trained them.

A classifier that was fine-tuned elsewhere may have seen the texts that are cut off as a test split here, with their
labels. Accuracy on such texts says nothing about others. So the facts of an artifact record what a model came from,
and `validate` judges accuracy only on test texts that nothing from elsewhere can have seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mctl.artifact import MANIFEST, Artifact, load_artifact, sha256_of
from mctl.errors import UserError
from mctl.pipeline.dataset import StageData
from mctl.pipeline.inherit import is_data_of
from mctl.pipeline.lineage import Lineage
from mctl.pipeline.loading import load_config
from mctl.pipeline.model_files import is_folder, read_tensors, stored_tensors
from mctl.pipeline.weights import PRETRAINING_HEADS, heads_in
from mctl.progress import Progress
from mctl.recipe import ModelSettings

TRAINED_ON = "trained_on"
"""Fact: SHA-256 of the data that mctl trained a model on, which was then taken from another folder of artifacts."""
STARTED_FROM = "started_from_classifier"
"""Fact: the model that was fine-tuned was a classifier already, and mctl did not train it on these data."""
_OTHER_TASKS = ("ForTokenClassification", "ForQuestionAnswering", "ForMultipleChoice")


def trained_on(settings: ModelSettings) -> dict[str, str]:
    """The fact `TRAINED_ON` of a model, where it is a whole teacher artifact that mctl trained; else no fact.

    Its files are hashed: a folder whose weights were trained further keeps its manifest.
    """
    folder = Path(settings.name or "").expanduser()
    if not is_folder(str(settings.name)) or not (folder / MANIFEST).is_file():
        return {}
    try:
        artifact = load_artifact(folder)
    except UserError:
        return {}
    if artifact.manifest.kind != "teacher" or _of_teacher(artifact):
        return {}
    changed = [name for name, entry in artifact.manifest.files.items() if sha256_of(folder / name) != entry.sha256]
    sha256 = artifact.manifest.data.get("sha256")
    return {} if changed or not sha256 else {TRAINED_ON: str(sha256)}


def started_from(settings: ModelSettings, data: StageData) -> dict[str, str]:
    """The fact `STARTED_FROM` of a model to fine-tune, where it is a classifier of texts already.

    Its head is thrown away, and its encoder has learnt the labels of the texts that it was trained on. What the head
    calls its classes, and how many there are, says nothing of these texts: every head that was trained counts.
    """
    config = load_config(settings)
    made_for = getattr(config, "architectures", None) or ()
    other_task = made_for and all(str(name).endswith(_OTHER_TASKS) for name in made_for)
    if other_task or trained_on(settings).get(TRAINED_ON) == data.dataset.sha256:
        return {}
    return {STARTED_FROM: str(settings.name)} if _head_is_trained(settings, config) else {}


def from_elsewhere(
    teacher: Artifact, student: str, tutor: Mapping[str, Any] | None, data_sha256: str | None
) -> list[str]:
    """The models that a student was made with and that mctl did not train on its data: a clause each.

    Args:
        student: its name.
        tutor: facts of the classifier that it learnt from, if that is another than its teacher.
        data_sha256: of the data of the student.
    """
    found = _of_teacher(teacher)
    if tutor and tutor.get(TRAINED_ON) != data_sha256:
        found.append(f"{student} learnt from {tutor.get('name')}, which was made elsewhere")
    return found


def unknown_training(data: StageData, lineage: Lineage, *, unseen: bool) -> str | None:
    """Why accuracy on the test texts is not judged; None where it is.

    Args:
        unseen: the user vouches that nothing was trained on the test texts. That counts for a file of their own, and
            not for texts that were cut off the training file.
    """
    made = lineage.source.manifest
    models = from_elsewhere(lineage.baseline, made.name, made.facts.get("tutor"), made.data.get("sha256"))
    if not models or (unseen and not _is_cut(data, lineage)):
        return None
    return (
        f"{'; '.join(models)}: it may have been trained on these test texts. {_way_out(data, lineage, unseen=unseen)}"
    )


def say_if_unknown(models: Sequence[str], data: StageData, progress: Progress) -> None:
    """Warn, before anything is trained, that accuracy will not be judged."""
    if not models:
        return
    texts = len(data.splits["test"].texts)
    cut = "test" in data.dataset.cut_from_train
    where = f"the {texts} texts that are cut off as the test split" if cut else f"the {texts} texts of the test split"
    how = "Give texts that it has never seen with --test FILE" if cut else "If it was not"
    progress.say(
        f"warning: {'; '.join(models)}. mctl cannot know whether it was trained on {where}, so `mctl validate` will "
        f"not judge accuracy on them. {how}, and vouch for them with `mctl validate --unseen-data`; or "
        "validate on another file: `mctl validate --data FILE --unseen-data`."
    )


def teacher_from_elsewhere(facts: Mapping[str, Any], name: str, data_sha256: str | None) -> list[str]:
    """A clause on a teacher that was trained elsewhere, by its facts; empty where mctl trained it on these data."""
    if facts.get("adopted_from") is not None and facts.get(TRAINED_ON) != data_sha256:
        return [f"{name} was made elsewhere"]
    if facts.get(STARTED_FROM) is not None:
        return [f"{name} was fine-tuned from a classifier, {facts[STARTED_FROM]}"]
    return []


def _head_is_trained(settings: ModelSettings, config: Any) -> bool:
    """Whether a head is there that is not of pretraining and not as it was drawn: those are drawn with zero biases."""
    heads = [name for name in heads_in(stored_tensors(settings), config) if not name.startswith(PRETRAINING_HEADS)]
    biases = read_tensors(settings, [name for name in heads if name.endswith("bias")])
    return bool(heads) and (not biases or any(bool(bias.any()) for bias in biases.values()))


def _of_teacher(teacher: Artifact) -> list[str]:
    manifest = teacher.manifest
    return teacher_from_elsewhere(manifest.facts, teacher.name, manifest.data.get("sha256"))


def _is_cut(data: StageData, lineage: Lineage) -> bool:
    """Whether the test texts were cut off rows that the models were made from."""
    same_rows = data.dataset.sha256 == lineage.source.manifest.data.get("sha256")
    same = same_rows or is_data_of(data.dataset.source, lineage.source)
    return same and "test" in data.dataset.cut_from_train


def _way_out(data: StageData, lineage: Lineage, *, unseen: bool) -> str:
    if not _is_cut(data, lineage):
        return "--unseen-data says that it was not."
    vain = "--unseen-data does not help here, since these texts are cut off the training file. " if unseen else ""
    return (
        f"{vain}Validate on texts that it has never seen, with --data FILE --unseen-data, or compress with --test FILE "
        "and validate with --unseen-data."
    )
