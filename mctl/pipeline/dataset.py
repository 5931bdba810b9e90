"""The labelled texts of a stage, in the class order of the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mctl.data import Dataset, DataSettings, Finding, align_labels, load, report_as_dict, select_labels
from mctl.data.dropped_limit import check_dropped
from mctl.data.sources import has_train, is_hub_id
from mctl.errors import UserError
from mctl.pipeline.hub import hub_answers
from mctl.progress import Progress, Silent
from mctl.report.dropped import told_findings

DROPPED_ROWS = "dropped.csv"
"""In an artifact, the rows that cleaning dropped: split, line and reason of each."""


@dataclass(frozen=True, eq=False)
class LabelledTexts:
    """One split with class numbers of the model at hand.

    Attributes:
        texts: (texts,) raw texts, which lie on disk.
        labels: (texts,) class numbers.
    """

    texts: Sequence[str]
    labels: npt.NDArray[np.int64]


@dataclass(frozen=True)
class StageData:
    """Cleaned splits, numbered by `class_names`.

    Attributes:
        class_names: names by class number of the model (of the teacher, where there is one).
        splits: "train", "dev" and "test".
        dataset: as loaded.
    """

    class_names: tuple[str, ...]
    splits: dict[str, LabelledTexts]
    dataset: Dataset

    def summary(self) -> dict[str, Any]:
        """For the manifest."""
        return {
            "source": self.dataset.source,
            **({} if self.dataset.test_file is None else {"test_file": self.dataset.test_file}),
            "sha256": self.dataset.sha256,
            "columns": self.dataset.columns._asdict(),
            "rows": {name: len(split.texts) for name, split in self.splits.items()},
            "rows_per_class": self.dataset.rows_per_split_and_class(),
            "cleaning": report_as_dict(self.dataset.report),
            "dropped": self.dataset.dropped.as_dict(),
        }


def load_stage_data(
    settings: DataSettings,
    progress: Progress,
    teacher_classes: Sequence[str] | None = None,
    *,
    to_judge: bool = False,
) -> StageData:
    """Load and clean; number the labels by name.

    Args:
        settings: of the data.
        progress: is told what was found.
        teacher_classes: class names of the teacher by class number; without one, the data's sorted names count.
        to_judge: see `mctl.data.load`.

    Raises:
        UserError: as `mctl.data.load`, and labels that the teacher does not know. Where these are to be dropped, their
            rows count among those that `max_dropped` allows, and that a dev or test split may lose.
    """
    _check_hub(settings.source)
    dataset = load(settings, to_judge=to_judge)
    names = tuple(teacher_classes or dataset.class_names)
    label2id = {name: index for index, name in enumerate(names)}
    rows = dict.fromkeys(dataset.class_names, 0)
    for counts in dataset.rows_per_split_and_class().values():
        for name, count in counts.items():
            rows[name] += count
    numbers = _numbers(dataset.source, rows, label2id, settings)
    dataset = _with_respelled(select_labels(dataset, numbers.keys()), numbers, names, rows)
    check_dropped(dataset.dropped, dataset.report.rows_read, settings)
    of_class = np.array([numbers[name] for name in dataset.class_names], np.int64)
    splits: dict[str, LabelledTexts] = {
        name: LabelledTexts(split.texts, of_class[split.codes]) for name, split in dataset.splits.items()
    }
    counted = ", ".join(f"{len(split.texts)} {name}" for name, split in splits.items())
    lines = [*told_findings(dataset), f"{dataset.source}: {len(names)} classes, {counted}"]
    progress.say_once(*(f"data: {line}" for line in lines))
    return StageData(names, splits, dataset)


def load_judging_data(
    settings: DataSettings, made_from: DataSettings, sha256: str | None, progress: Progress, classes: Sequence[str]
) -> StageData:
    """The data that judge a model: the test split of the data it was made from, or all rows of another file.

    Args:
        settings: of the data to judge with.
        made_from: settings of the data that the model was made from.
        sha256: fingerprint of these data.
        progress: is told what was found.
        classes: class names of the model by class number.

    Raises:
        UserError: as `load_stage_data`.
    """
    path = Path(settings.source or "").expanduser()
    alike = _read_as(made_from, settings)
    if settings.source == made_from.source or _same_file(path, str(made_from.source)):
        return load_stage_data(alike, progress, classes)
    if settings.test_file is not None:
        return load_stage_data(settings, progress, classes)
    if path.is_file():
        to_judge = not _has_rows_of(alike, sha256, classes)
        return load_stage_data(settings if to_judge else alike, progress, classes, to_judge=to_judge)
    return load_stage_data(settings, progress, classes, to_judge=path.is_dir() and not has_train(settings))


def _read_as(made_from: DataSettings, settings: DataSettings) -> DataSettings:
    """The settings of a training, for its own data or a copy: what the user says holds, but for the test share.

    With another sheet, other quotes or another seed than in training, the rows would not be those of the training.
    """
    said = {name: getattr(settings, name) for name in settings.model_fields_set}
    return made_from.model_copy(update=said | {"test": settings.test_file or made_from.test})


def _same_file(path: Path, other: str) -> bool:
    return path.exists() and Path(other).expanduser().exists() and path.samefile(Path(other).expanduser())


def _has_rows_of(settings: DataSettings, sha256: str | None, classes: Sequence[str]) -> bool:
    """Whether a file, cut into splits, is a copy of the data that a model was made from."""
    try:
        return load_stage_data(settings, Silent(), classes).dataset.sha256 == sha256
    except UserError:
        return False  # What cannot be split has not been.


def tokenized_splits(
    tokenizer: Any, data: StageData, max_length: int, progress: Progress, folder: Path | None = None
) -> dict[str, Any]:
    """Train and dev as token ids; says how many training texts are cut.

    Args:
        folder: where the token ids are kept while they are needed, such as the stage's work folder.
    """
    from mctl.compression.texts import tokenized

    splits = {}
    for name in ("train", "dev"):
        texts = data.splits[name]
        found = tokenized(tokenizer, texts.texts, texts.labels, max_length, folder)
        splits[name] = found.rows
        if name == "train" and found.cut:
            progress.say_once(
                f"data: {found.cut} of {len(texts.texts)} training texts are longer than {max_length} tokens and are "
                "cut."
            )
    return splits


def _check_hub(source: str | None) -> None:
    """Refuse at once what `datasets` would ask an unreachable hub for again and again."""
    if source is None or not is_hub_id(source) or hub_answers():
        return
    from datasets import config

    if not (Path(config.HF_DATASETS_CACHE) / source.replace("/", "___")).is_dir():
        raise UserError(
            "this is no file or folder here, and the hub does not answer.",
            where=source,
            todo="Check the path or the network; or download the data elsewhere and give the file or folder.",
        )


def _numbers(
    source: str, rows: Mapping[str, int], label2id: Mapping[str, int], settings: DataSettings
) -> dict[str, int]:
    try:
        return align_labels(
            rows, label2id, unknown_labels=settings.unknown_labels, label_spelling=settings.label_spelling
        )
    except UserError as error:
        raise UserError(error.what, where=source, todo=error.todo) from error


def _with_respelled(
    dataset: Dataset, numbers: Mapping[str, int], names: Sequence[str], rows: Mapping[str, int]
) -> Dataset:
    """The data set with a finding on the labels that the teacher spells otherwise."""
    respelled = {name: names[number] for name, number in numbers.items() if names[number] != name}
    if not respelled:
        return dataset
    listed = ", ".join(f"{name!r} is {theirs!r}" for name, theirs in respelled.items())
    count = sum(rows[name] for name in respelled)
    found = Finding("labels_respelled", count, f"spelled as the teacher does: {listed}")
    return replace(dataset, report=replace(dataset.report, findings=(*dataset.report.findings, found)))
