"""Labels of dev or test that are those of train in another spelling: `Sports` for `sports`, `1.0` for `1`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import numpy as np

from mctl.data.facts import Facts, Fate
from mctl.data.findings import finding, per_label
from mctl.data.report import Finding
from mctl.data.settings import DataSettings
from mctl.data.split_names import WHOLE
from mctl.data.text import folded
from mctl.errors import UserError

_WHOLE_FLOAT = re.compile(r"(-?\d+)\.0+")


def as_number(name: str) -> str:
    """A whole number without the decimals that pandas gives a column of numbers with a gap: "1" for "1.0"."""
    match = _WHOLE_FLOAT.fullmatch(name)
    return match[1] if match else name


def evenly_spelled(facts: Facts, settings: DataSettings) -> tuple[Facts, list[Finding]]:
    """Gives labels of dev and test the spelling that train has.

    A number with or without decimals is the same label, which is reported. Another difference in case is refused,
    unless `label_spelling` is "fold".

    Raises:
        UserError: a label of dev or test is one of train but for its case.
    """
    kept = facts.records["fate"] == Fate.KEPT
    pool = np.isin(facts.records["split"], [facts.split_number("train"), facts.split_number(WHOLE)])
    trained = [facts.labels[number] for number in np.flatnonzero(per_label(facts, kept & pool))]
    given = [facts.labels[number] for number in np.flatnonzero(per_label(facts, kept & ~pool))]
    others = [name for name in given if name and name not in set(trained)] if trained else []
    numbers = _matches(others, trained, as_number)
    cases = _matches((name for name in others if name not in numbers), trained, lambda name: folded(as_number(name)))
    if cases and settings.label_spelling == "exact":
        raise _otherwise_spelled(facts, cases, str(settings.source))
    found = numbers | cases
    if not found:
        return facts, []
    index = {name: number for number, name in enumerate(facts.labels)}
    respelled = np.isin(facts.records["label"], [index[name] for name in found]) & ~pool
    listed = ", ".join(f"{name!r} is {as_in_train!r}" for name, as_in_train in found.items())
    findings = [finding(facts, respelled & kept, "labels_respelled", f"spelled as in train: {listed}")]
    new = np.arange(len(facts.labels), dtype=np.int32)
    new[[index[name] for name in found]] = [index[name] for name in found.values()]
    records = facts.records.copy()  # They lie in a file that is read only.
    records["label"][respelled] = new[records["label"][respelled]]
    return replace(facts, records=records), findings


def _matches(names: Iterable[str], trained: Iterable[str], key: Callable[[str], str]) -> dict[str, str]:
    """The names that have the key of exactly one label of train, with that one."""
    by_key: dict[str, list[str]] = {}
    for name in trained:
        by_key.setdefault(key(name), []).append(name)
    return {name: by_key[key(name)][0] for name in names if len(by_key.get(key(name), [])) == 1}


def _otherwise_spelled(facts: Facts, cases: Mapping[str, str], source: str) -> UserError:
    described = [
        f"{_described(facts, name)} for {_described(facts, as_in_train)}" for name, as_in_train in cases.items()
    ]
    more = f", and {len(described) - 5} more" if len(described) > 5 else ""
    return UserError(
        f"labels of one split are spelled otherwise than those of train: {'; '.join(described[:5])}{more}.",
        where=source,
        todo='Spell them alike, or set label_spelling = "fold" under [data] in mctl.toml, which takes labels that '
        "differ in case only for the same.",
    )


def _described(facts: Facts, name: str) -> str:
    rows = np.flatnonzero(facts.records["label"] == facts.labels.index(name))
    place, number = facts.place_of(int(rows[0]))
    return f"{name!r} ({len(rows)} rows, the first in {place}, row {number})"
