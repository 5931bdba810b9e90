"""Cutting train, dev and test: stratified, seeded, and the same for any order of the rows.

Every text gets a seeded hash, and the rows of a class are ranked by it; the lowest ranks become test, the next dev.
That keeps most rows where they were when rows are added, and, other than scikit-learn's stratified splitter, it works
when a split is smaller than the number of classes.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from mctl.data.dataset import SPLIT_NAMES, SplitName
from mctl.data.facts import Facts
from mctl.data.settings import DataSettings
from mctl.data.split_names import WHOLE
from mctl.data.stored import Positions
from mctl.errors import UserError

Labels: TypeAlias = npt.NDArray[np.int32]
"""(rows,) indices into `Facts.labels`."""


def cut(
    facts: Facts, kept: Positions, settings: DataSettings
) -> tuple[dict[SplitName, Positions], tuple[SplitName, ...]]:
    """Cuts the splits that the source lacks off train (or off the whole), and applies `limit` to each.

    A source of a test split alone, which is to judge a model, is not cut.

    Args:
        facts: of all rows of the source.
        kept: positions of the clean ones, ascending.
        settings: `test`, `dev`, `limit` are used; `seed` has been used for `facts`.

    Returns:
        The positions of each split's rows, in an order that depends on texts and seed alone; and which splits were cut.

    Raises:
        UserError: a split is left empty, or `limit` is smaller than the number of classes.
    """
    # Two texts with one 64-bit hash would stand in file order: one in 10^7 for a million.
    ranked = kept[np.argsort(facts.records["order"][kept], kind="stable")]
    source_split = facts.records["split"][ranked]
    splits: dict[SplitName, Positions] = {
        name: ranked[source_split == facts.split_number(name)] for name in ("dev", "test")
    }
    if not {"train", WHOLE} & set(facts.splits):
        nothing = ranked[:0]
        test = _take(splits["test"], facts.records["label"], "test", settings.limit)
        return {"train": nothing, "dev": nothing, "test": test}, ()
    missing: tuple[SplitName, ...] = tuple(name for name in ("dev", "test") if name not in facts.splits)
    pool = ranked[~np.isin(source_split, [facts.split_number("dev"), facts.split_number("test")])]
    labels = facts.records["label"]
    assigned = _assigned(labels[pool], settings.dev * ("dev" in missing), settings.test_share * ("test" in missing))
    for number, name in enumerate(SPLIT_NAMES):
        if name not in splits or name in missing:
            splits[name] = pool[assigned == number]
    return {name: _take(splits[name], labels, name, settings.limit) for name in SPLIT_NAMES}, missing


def _assigned(labels: Labels, dev: float, test: float) -> npt.NDArray[np.int8]:
    """The split of each row of the pool, which is in hash order, as an index into `SPLIT_NAMES`."""
    rank, per_label = _ranks(labels)
    sizes = [cut_sizes(rows, dev, test) if rows else (0, 0) for rows in per_label.tolist()]
    n_dev, n_test = np.array(sizes, np.int64).reshape(-1, 2)[labels].T
    assigned = np.full(len(labels), SPLIT_NAMES.index("train"), np.int8)
    assigned[rank < n_test + n_dev] = SPLIT_NAMES.index("dev")
    assigned[rank < n_test] = SPLIT_NAMES.index("test")
    return assigned


def _ranks(labels: Labels) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(rows,) the place of each row among those with its label; (labels,) how many rows a label has."""
    per_label = np.bincount(labels)
    by_label = np.argsort(labels, kind="stable")
    rank = np.empty(len(labels), np.int64)
    rank[by_label] = np.arange(len(labels)) - (per_label.cumsum() - per_label)[labels[by_label]]
    return rank, per_label


def cut_sizes(rows: int, dev: float, test: float) -> tuple[int, int]:
    """How many rows of a class go to dev and to test.

    Its rounded share, but at least one to each split that is cut, as long as train keeps one; test comes first.

    >>> cut_sizes(100, dev=0.1, test=0.2)
    (10, 20)
    >>> cut_sizes(2, dev=0.1, test=0.2)
    (0, 1)
    """
    for_dev = int(dev > 0 and rows > 2)
    n_test = min(max(1, round(rows * test)), rows - 1 - for_dev) if test > 0 else 0
    n_dev = min(max(1, round(rows * dev)), rows - 1 - n_test) if dev > 0 else 0
    return n_dev, n_test


def _take(rows: Positions, labels: Labels, name: SplitName, limit: int | None) -> Positions:
    if not len(rows):
        raise UserError(f"the {name} split is empty.", todo="Give more rows of each class.")
    return rows if limit is None else rows[_sample(labels[rows], limit)]


def _sample(labels: Labels, limit: int) -> Positions:
    """Indices of at most `limit` rows, the classes in proportion and each with at least one.

    The row of rank r in a class of n rows stands at r / n; the first `limit` of all rows in that order are a systematic
    sample: first one row of every class, then all classes at their own pace.
    """
    rank, per_label = _ranks(labels)
    classes = np.count_nonzero(per_label)
    if limit < classes:
        raise UserError(
            f"{limit} rows cannot cover {classes} classes.", where="limit", todo=f"Use at least {classes}, or no limit."
        )
    return np.argsort(rank / per_label[labels], kind="stable")[:limit]
