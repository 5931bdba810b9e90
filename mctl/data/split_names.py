"""Which file or hub split is which of ours."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from mctl.data.dataset import SPLIT_NAMES, SplitName
from mctl.errors import UserError

WHOLE = "all"
"""What the rows of a source without splits are filed under."""

_SPLIT_OF: Mapping[str, SplitName] = {
    "train": "train",
    "dev": "dev",
    "validation": "dev",
    "valid": "dev",
    "val": "dev",
    "test": "test",
}
_SHARD = re.compile(r"(.+)-(\d{5})-of-(\d{5})")  # as the hub names them: train-00000-of-00002.parquet


@dataclass(frozen=True)
class NamedSplits:
    """What the names of files or hub splits say.

    Args:
        names: by split, train first: one name, or those of all its shards in order.
        passed_over: names that mean no split and that nobody said to ignore.
    """

    names: Mapping[SplitName, Sequence[str]]
    passed_over: Sequence[str]


def split_names(
    names: Sequence[str], where: str, *, ignore: Collection[str] = (), given: Collection[SplitName] = ()
) -> NamedSplits:
    """Maps our splits to the names that stand for them.

    Args:
        names: file names ("validation.csv") or split names ("validation").
        where: folder or hub id, for messages.
        ignore: names that are not looked at.
        given: splits that come from elsewhere.

    Raises:
        UserError: nothing is named train, and neither train nor test is given; two names mean one split; shards are
            missing; a split would be cut off train although there are names that could mean it.
    """
    found: dict[SplitName, list[str]] = {}
    passed_over = []
    for name in sorted(set(names) - set(ignore)):
        split = split_of(name)
        if split is None:
            passed_over.append(name)
        else:
            found.setdefault(split, []).append(name)
    for split, its_names in found.items():
        _check_shards(split, its_names, where)
    if "train" not in found and "train" not in given:
        raise UserError(
            "there is no train split.",
            where=where,
            todo=f"Name the splits train, dev and test, or give one file. There is: "
            f"{', '.join(sorted(names)[:20]) or 'nothing'}.",
        )
    missing = [split for split in ("dev", "test") if split not in found and split not in given]
    if missing and passed_over:
        raise UserError(
            f"{_listed(passed_over)} would be passed over, and {' and '.join(missing)} cut off train.",
            where=where,
            todo="Name splits train, dev and test (as in test.csv), or name under [data] in mctl.toml what is not to "
            f"be used: ignore = [{', '.join(_quoted(name) for name in passed_over[:3])}].",
        )
    return NamedSplits({split: found[split] for split in SPLIT_NAMES if split in found}, passed_over)


def split_of(name: str) -> SplitName | None:
    """Our split that a file's or split's name stands for."""
    stem = name.partition(".")[0].casefold()
    shard = _SHARD.fullmatch(stem)
    return _SPLIT_OF.get(shard[1] if shard else stem)


def _check_shards(split: SplitName, names: Sequence[str], where: str) -> None:
    shards = [_SHARD.fullmatch(name.partition(".")[0]) for name in names]
    if len(names) > 1 and not all(shards):
        raise UserError(
            f"{' and '.join(names)} are both the {split} split."
            if len(names) == 2
            else f"{_listed(names)} are all the {split} split.",
            where=where,
            todo="Keep one of them.",
        )
    wanted = {int(shard[3]) for shard in shards if shard}
    if wanted and (wanted != {len(names)} or {int(shard[2]) for shard in shards if shard} != set(range(len(names)))):
        raise UserError(
            f"the {split} split has {len(names)} of {max(wanted)} shards: {_listed(names)}.",
            where=where,
            todo="Give all of them, or name the one file by its split alone.",
        )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")


def _quoted(name: str) -> str:
    return f'"{name}"'
