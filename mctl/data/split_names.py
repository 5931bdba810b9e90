"""Which file or hub split is which of ours."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

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
        passed_over: names that are not read and that nobody said to ignore.
    """

    names: Mapping[SplitName, Sequence[str]]
    passed_over: Sequence[str]


def split_names(
    names: Sequence[str],
    where: str,
    *,
    ignore: Collection[str] = (),
    given: Collection[SplitName] = (),
    unread: Mapping[str, str] = MappingProxyType({}),
) -> NamedSplits:
    """Maps our splits to the names that stand for them.

    Args:
        names: file names ("validation.csv") or split names ("validation").
        where: folder or hub id, for messages.
        ignore: names that are not looked at.
        given: splits that come from elsewhere.
        unread: names of what cannot be read and may be a split all the same, with the reason for each.

    Raises:
        UserError: nothing is named train, and neither train nor test is given; two names mean one split; shards are
            missing; a split would be cut off train although there are names that could mean it, or one that does and
            cannot be read.
    """
    found: dict[SplitName, list[str]] = {}
    passed_over = []
    beside = {name: why for name, why in unread.items() if name not in ignore}
    for name in sorted({*names, *(name for name in beside if split_of(name) is None)} - set(ignore)):
        split = split_of(name)
        if split is None:
            passed_over.append(name)
        else:
            found.setdefault(split, []).append(name)
    for split, its_names in found.items():
        _check_shards(split, its_names, where)
    _check_unread({name: why for name, why in beside.items() if split_of(name) not in {None, *found, *given}}, where)
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
    return NamedSplits(
        {split: found[split] for split in SPLIT_NAMES if split in found}, sorted({*passed_over, *beside})
    )


def _check_unread(unread: Mapping[str, str], where: str) -> None:
    if not unread:
        return
    listed = "; ".join(f"{name} {reason}" for name, reason in list(unread.items())[:5])
    name = next(iter(unread))
    raise UserError(
        f"named as a split, and cannot be read: {listed}.",
        where=where,
        todo=f"Give each split as one file, such as test.csv or test.xlsx; or, if {name} is no data, name it under "
        f"[data] in mctl.toml: ignore = [{', '.join(map(_quoted, list(unread)[:3]))}].",
    )


def split_of(name: str) -> SplitName | None:
    """Our split that a file's or split's name stands for."""
    stem = name.rpartition("/")[2].partition(".")[0].casefold()
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
