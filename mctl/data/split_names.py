"""Which file or hub split is which of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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


def split_names(names: Sequence[str], where: str) -> dict[SplitName, str]:
    """Maps our splits to the names that stand for them, train first; other names are passed over.

    Args:
        names: file names ("validation.csv") or split names ("validation").
        where: folder or hub id, for messages.

    Raises:
        UserError: nothing is named train, or two names mean one split.
    """
    found: dict[SplitName, str] = {}
    for name in sorted(names):
        split = _SPLIT_OF.get(name.partition(".")[0].casefold())
        if split is None:
            continue
        if split in found:
            raise UserError(
                f"{found[split]} and {name} are both the {split} split.", where=where, todo="Keep one of them."
            )
        found[split] = name
    if "train" not in found:
        raise UserError(
            "there is no train split.",
            where=where,
            todo=f"Name the splits train, dev and test. There is: {', '.join(sorted(names)[:20]) or 'nothing'}.",
        )
    return {split: found[split] for split in SPLIT_NAMES if split in found}
