"""Cutting train, dev and test: stratified, seeded, and the same for any order of the rows.

Every text gets a seeded hash, and the rows of a class are ranked by it; the lowest ranks become test, the next dev.
That keeps most rows where they were when rows are added, and, other than scikit-learn's stratified splitter, it works
when a split is smaller than the number of classes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np

from mctl.data.clean import Frame
from mctl.data.dataset import SPLIT_NAMES, Split, SplitName
from mctl.data.settings import DataSettings
from mctl.errors import UserError


def cut(frame: Frame, settings: DataSettings) -> tuple[dict[SplitName, Split], tuple[SplitName, ...]]:
    """Cuts the splits that the source lacks off train (or off the whole), and applies `limit` to each.

    Args:
        frame: clean rows, see `mctl.data.clean.to_frame`.
        settings: `test`, `dev`, `seed`, `limit` are used.

    Returns:
        Texts and labels by split, in an order that depends on texts and seed alone; and which splits were cut.

    Raises:
        UserError: a split is left empty, or `limit` is smaller than the number of classes.
    """
    present = set(frame["split"].unique())
    missing: tuple[SplitName, ...] = tuple(name for name in ("dev", "test") if name not in present)
    ranked = _ranked(frame, settings.seed)
    pool = ranked[~ranked["split"].isin(("dev", "test"))]
    assigned = _assigned(pool, settings.dev * ("dev" in missing), settings.test * ("test" in missing))
    ranked.loc[pool.index, "split"] = assigned
    return {name: _take(ranked[ranked["split"] == name], name, settings.limit) for name in SPLIT_NAMES}, missing


def digests(keys: Iterable[str], seed: int) -> list[int]:
    """A seeded 64-bit hash (BLAKE2b) of each text."""
    start = hashlib.blake2b(digest_size=8, key=str(seed).encode()[:64])
    values = []
    for key in keys:
        digest = start.copy()
        digest.update(key.encode())
        values.append(int.from_bytes(digest.digest()))
    return values


def _ranked(frame: Frame, seed: int) -> Frame:
    """The rows in hash order. Two texts with one 64-bit hash would stand in file order: one in 10^7 for a million."""
    hashes = np.array(digests(frame["key"], seed), dtype=np.uint64)
    return frame.assign(hash=hashes).sort_values("hash", kind="stable", ignore_index=True)


def _assigned(pool: Frame, dev: float, test: float) -> list[str]:
    """The split of each row of the pool, which is in hash order."""
    rank = pool.groupby("label").cumcount()
    sizes = {label: cut_sizes(int(rows), dev, test) for label, rows in pool["label"].value_counts().items()}
    n_dev = pool["label"].map({label: dev_rows for label, (dev_rows, _) in sizes.items()})
    n_test = pool["label"].map({label: test_rows for label, (_, test_rows) in sizes.items()})
    return list(np.select([rank < n_test, rank < n_test + n_dev], ["test", "dev"], "train"))


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


def _take(rows: Frame, name: SplitName, limit: int | None) -> Split:
    if rows.empty:
        raise UserError(f"the {name} split is empty.", todo="Give more rows of each class.")
    chosen = rows if limit is None else _limited(rows, limit)
    return Split(tuple(chosen["text"]), tuple(chosen["label"]))


def _limited(rows: Frame, limit: int) -> Frame:
    """At most `limit` rows, the classes in proportion and each with at least one.

    The row of rank r in a class of n rows stands at r / n; the first `limit` of all rows in that order are a systematic
    sample: first one row of every class, then all classes at their own pace.
    """
    classes = rows["label"].nunique()
    if limit < classes:
        raise UserError(
            f"{limit} rows cannot cover {classes} classes.", where="limit", todo=f"Use at least {classes}, or no limit."
        )
    by_label = rows.groupby("label")
    position = by_label.cumcount() / by_label["key"].transform("size")
    return rows.loc[position.sort_values(kind="stable").index[:limit]]
