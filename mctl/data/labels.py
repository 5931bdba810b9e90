"""Labels of the data and labels of the teacher, brought together by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Literal

from mctl.data.dataset import Dataset, Split, SplitName
from mctl.data.dropped import Dropped
from mctl.data.report import Finding
from mctl.data.text import comparison_key, folded
from mctl.errors import UserError


def align_labels(
    rows_per_class: Mapping[str, int],
    teacher_label2id: Mapping[str, int],
    *,
    unknown_labels: Literal["error", "drop"] = "error",
    label_spelling: Literal["exact", "fold"] = "exact",
) -> dict[str, int]:
    """Maps the names of the classes in the data to the teacher's ids: by name, never by position.

    A name matches the teacher's label that is equal to it, or else the only one that is equal regardless of Unicode
    composition and of the decimals of a whole number; with `label_spelling="fold"` also regardless of case.

    Args:
        rows_per_class: the names in the data, and how many rows each has (for messages).
        teacher_label2id: `label2id` of the teacher's config.
        unknown_labels: refuse labels that the teacher does not know, or leave them out (see `select_labels`).
        label_spelling: refuse labels that differ from the teacher's in case only, or take them for the same.

    Returns:
        Ids by name in the data, in the order of `rows_per_class`.

    Raises:
        UserError: a label differs from the teacher's in case only (and is not to be folded), is unknown to the teacher
            (and not to be dropped), fits several of its labels, or fewer than two classes are known.

    Example:

        align_labels({"tech": 5, "Auto": 5}, {"Tech": 0, "Auto": 1}, label_spelling="fold")  # {"tech": 0, "Auto": 1}
    """
    alike, of_other_case = _by_spelling(teacher_label2id, _spelling), _by_spelling(teacher_label2id, _folded)
    known, unknown, cases = {}, {}, {}
    for name, rows in rows_per_class.items():
        found = [name] if name in teacher_label2id else alike.get(_spelling(name), [])
        if not found and (candidates := of_other_case.get(_folded(name))):
            cases[name] = candidates
            found = candidates
        if len(found) > 1:
            raise UserError(
                f"the label {name!r} fits several of the teacher's: {', '.join(map(repr, found))}.",
                todo="Spell it in the data as the teacher does.",
            )
        if found:
            known[name] = teacher_label2id[found[0]]
        else:
            unknown[name] = rows
    if cases and label_spelling == "exact":
        raise _case_error(cases, rows_per_class)
    if unknown and unknown_labels == "error":
        raise _unknown_error(unknown, teacher_label2id)
    if len(set(known.values())) < 2:
        raise UserError(
            f"only {len(set(known.values()))} of the teacher's labels occur in the data.", todo=_known(teacher_label2id)
        )
    return known


def _by_spelling(names: Iterable[str], key: Callable[[str], str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(key(name), []).append(name)
    return found


def label_key(label_spelling: Literal["exact", "fold"]) -> Callable[[str], str]:
    """What is equal for two names of one label, see `align_labels`.

    >>> label_key("exact")("1.0"), label_key("fold")("Sports")
    ('1', 'sports')
    """
    return _folded if label_spelling == "fold" else _spelling


def _spelling(name: str) -> str:
    return re.sub(r"^(-?\d+)\.0+$", r"\1", comparison_key(name))


def _folded(name: str) -> str:
    return folded(_spelling(name))


def _case_error(cases: Mapping[str, list[str]], rows: Mapping[str, int]) -> UserError:
    listed = [f"{name!r} ({rows[name]} rows) for {theirs[0]!r}" for name, theirs in cases.items()]
    more = f", and {len(listed) - 5} more" if len(listed) > 5 else ""
    return UserError(
        f"labels of the data are spelled otherwise than the teacher's: {'; '.join(listed[:5])}{more}.",
        todo='Spell them alike, or set label_spelling = "fold" under [data] in mctl.toml, which takes labels that '
        "differ in case only for the same.",
    )


def _unknown_error(unknown: Mapping[str, int], teacher: Mapping[str, int]) -> UserError:
    listed = ", ".join(f"{name!r} ({rows} rows)" for name, rows in unknown.items())
    todo = f'{_known(teacher)} Rename the labels in the data, or set unknown_labels = "drop" under [data] in mctl.toml.'
    if all(re.fullmatch(r"LABEL_\d+", name) for name in teacher):
        todo = (
            "The teacher's config gives its labels no names (LABEL_0, LABEL_1, ...): write the true ones into "
            "id2label and label2id of its config.json. Their order cannot be guessed from the data."
        )
    return UserError(f"the teacher does not know these labels of the data: {listed}.", todo=todo)


def _known(teacher: Iterable[str]) -> str:
    names = list(teacher)
    return f"The teacher knows: {', '.join(map(repr, names[:50]))}{', ...' if len(names) > 50 else ''}."


def select_labels(dataset: Dataset, names: Collection[str]) -> Dataset:
    """The data set without the rows of other labels, which its report then names.

    Args:
        dataset: a loaded data set.
        names: the labels to keep, such as the keys of what `align_labels` returned.

    Raises:
        UserError: fewer than two classes are left, or a split is empty.
    """
    dropped = [name for name in dataset.class_names if name not in names]
    if not dropped:
        return dataset
    from mctl.data.fingerprint import fingerprint  # pyarrow: not paid for by `import mctl.data`

    classes = tuple(name for name in dataset.class_names if name in names)
    splits = {name: _selected(name, split, classes) for name, split in dataset.splits.items()}
    if len(classes) < 2:
        raise UserError(f"only {len(classes)} class is left: {', '.join(classes)}.", todo="Two or more are needed.")
    counts = dict.fromkeys(dropped, 0)
    for per_class in dataset.rows_per_split_and_class().values():
        for name in dropped:
            counts[name] += per_class[name]
    listed = ", ".join(f"{name} ({counts[name]})" for name in dropped)
    finding = Finding("unknown_label", sum(counts.values()), f"dropped, the teacher does not know: {listed}")
    report = replace(dataset.report, findings=(*dataset.report.findings, finding))
    lost = _lost(dataset, classes)
    return replace(dataset, dropped=lost, class_names=classes, splits=splits, report=report, sha256=fingerprint(splits))


def _selected(name: SplitName, split: Split, classes: tuple[str, ...]) -> Split:
    """The rows of some classes, which are numbered anew."""
    import numpy as np

    numbers = np.array([classes.index(label) if label in classes else -1 for label in split.names], np.int32)
    rows = np.flatnonzero(numbers[split.codes] >= 0)
    if not len(rows) and len(split):
        raise UserError(f"the {name} split has no row with a label that the teacher knows.")
    return Split(split.texts.rearranged(rows), numbers[split.codes[rows]], classes, split.numbers[rows])


def _lost(dataset: Dataset, classes: tuple[str, ...]) -> Dropped:
    """The rows dropped, and those of other classes."""
    import numpy as np

    dropped = dataset.dropped
    for name, split in dataset.splits.items():
        rows = np.flatnonzero(
            ~np.isin(split.codes, [split.names.index(label) for label in classes if label in split.names])
        )
        source = name if name in dropped.splits and name not in dataset.cut_from_train else _pool(dropped.splits)
        at = np.full(len(rows), dropped.splits.index(source), np.uint8)
        dropped = dropped.joined(at, "unknown_label", split.numbers[rows])
    return dropped


def _pool(splits: tuple[str, ...]) -> str:
    """The split of the source that others were cut off."""
    return "train" if "train" in splits else splits[-1]
