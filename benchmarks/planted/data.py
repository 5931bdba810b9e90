"""Data that are not those of the training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from .fault import Fault


def faults() -> Iterator[Fault]:
    """Data that are not those of the training."""

    def edit(change: Callable[[list[str]], list[str]]) -> Callable[[Path], None]:
        def plant(copy: Path) -> None:
            path = copy / "synthetic.csv"
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            path.write_text("".join(change(lines)), encoding="utf-8")

        return plant

    named = ("synthetic.csv",)
    yield Fault("a row of the data deleted", edit(lambda lines: lines[:-1]), words=named)
    yield Fault("a row of the data added", edit(lambda lines: [*lines, "नवीन बातमी आज आली,Sports\n"]), words=named)
    yield Fault(
        "labels of the data emptied",
        edit(lambda lines: [lines[0], *(line.rpartition(",")[0] + ",\n" for line in lines[1:])]),
        words=named,
    )
    yield Fault("the data are gone", lambda copy: (copy / "synthetic.csv").unlink(), words=named)
    yield Fault(
        "the data are binary", lambda copy: (copy / "synthetic.csv").write_bytes(bytes(range(256)) * 40), words=named
    )
