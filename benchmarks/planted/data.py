"""Data that are not those of the training."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from mctl.data import load
from mctl.recipe import load_recipe

from .fault import VALIDATE, Fault


def _without_label(line: str) -> str:
    text, _, origin = line.rsplit(",", 2)
    return f"{text},,{origin}"


def faults() -> Iterator[Fault]:
    """Data that are not those of the training."""

    def edit(change: Callable[[list[str]], list[str]]) -> Callable[[Path], None]:
        def plant(copy: Path) -> None:
            path = copy / "synthetic.csv"
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            path.write_text("".join(change(lines)), encoding="utf-8")

        return plant

    named = ("synthetic.csv",)
    changed = ("is not what it was when the models were made",)
    yield Fault("a row of the data deleted", edit(lambda lines: lines[:-1]), words=changed)
    yield Fault(
        "a row of the data added", edit(lambda lines: [*lines, "नवीन बातमी आज आली,Sports,synthetic\n"]), words=changed
    )
    yield Fault(
        "labels of the data emptied",
        edit(lambda lines: [lines[0], *(_without_label(line) for line in lines[1:])]),
        words=named,
    )
    for how, spaces in (("", " "), (", with other spaces", "\u00a0 ")):
        yield Fault(
            f"the training texts as the test texts{how}",
            partial(_trained_on, spaces=spaces),
            (*VALIDATE, "--data", "trained-on.csv"),
            ("that the models were trained on",),
        )
    yield Fault("the data are gone", lambda copy: (copy / "synthetic.csv").unlink(), words=named)
    yield Fault(
        "the data are binary", lambda copy: (copy / "synthetic.csv").write_bytes(bytes(range(256)) * 40), words=named
    )


def _trained_on(copy: Path, spaces: str) -> None:
    settings = load_recipe(copy / "mctl.toml").data
    rows = load(settings.model_copy(update={"source": str(copy / settings.source)})).splits["train"]
    with (copy / "trained-on.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *((text.replace(" ", spaces), label) for text, label in rows)])
