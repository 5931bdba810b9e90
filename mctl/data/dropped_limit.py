"""How much of the data may be dropped: `max_dropped`, and half of a dev or test split."""

from __future__ import annotations

from collections.abc import Mapping

from mctl.data.dropped import Dropped, told
from mctl.data.settings import DataSettings
from mctl.data.split_names import WHOLE
from mctl.errors import UserError

HALF = 50.0


def check_dropped(dropped: Dropped, rows_read: Mapping[str, int], settings: DataSettings) -> None:
    """Refuses data of which too much is dropped: more than is allowed; or more than half of a split that was given.

    What is left of that split would not judge what the user wants to be judged, and no other one is cut in its place.

    Args:
        dropped: all rows that were dropped so far.
        rows_read: rows of the source, by its splits.
        settings: of the data; `max_dropped` is what is allowed.

    Raises:
        UserError: too much is dropped.
    """
    most = settings.max_dropped
    where = str(settings.source)
    if most is not None and dropped.percent > most:
        raise UserError(
            f"{len(dropped)} of {dropped.read} rows are dropped, {dropped.percent:.1f} % where {most:g} are allowed: "
            f"{told(dropped.as_dict())}.",
            where=where,
            todo="Mend these rows, or allow more with --max-dropped.",
        )
    if not {"train", WHOLE} & set(dropped.splits):
        return
    for name in ("test", "dev"):
        if name not in dropped.splits:
            continue
        of_split, read = dropped.of_split(name), rows_read[name]
        share = 100 * len(of_split) / read if read else 0.0
        if share > max(HALF, most or 0) or (read and len(of_split) == read):
            raise UserError(
                f"{len(of_split)} of {read} rows of the {name} split are dropped: {told(of_split.as_dict())}.",
                where=settings.test_file if name == "test" and settings.test_file else where,
                todo=f"Mend these rows; {_ways_out(name, len(of_split) < read)}",
            )


def _ways_out(name: str, some_left: bool) -> str:
    without = (
        f'or use no {name} split that is given: ignore = ["..."] under [data] in mctl.toml names what to pass over.'
    )
    return f"allow more with --max-dropped; {without}" if some_left else without
