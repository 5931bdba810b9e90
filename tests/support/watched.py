"""mctl as a launcher starts it, and what it did in each process written down: `torchrun watched.py FOLDER COMMAND ...`.

With FAIL_IN in the environment, the process of that number fails in the second step of its training.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import torch

from mctl.cli import main
from mctl.compression.batches import NumberedRows
from mctl.compression.callbacks import Watching
from mctl.compression.masks import Masks
from mctl.errors import UserError


def write(notes: Path, kind: str, what: Any) -> None:
    with (notes / f"{kind}-{os.environ['RANK']}").open("a") as file:
        file.write(json.dumps(what) + "\n")


def watch(notes: Path) -> None:
    """Write down every batch, and the scores and masks of every step."""
    read, apply, step = NumberedRows.__getitems__, Masks.set, Watching.on_step_end

    def read_and_note(rows: NumberedRows, numbers: list[int]) -> Any:
        write(notes, "batch", numbers)
        return read(rows, numbers)

    def apply_and_note(masks: Masks, kept: torch.Tensor) -> None:
        scores = b"".join(group.scores.detach().cpu().numpy().tobytes() for group in masks.groups)
        cut = kept.cpu().numpy().tobytes()
        write(notes, "masks", [hashlib.sha256(scores).hexdigest(), hashlib.sha256(cut).hexdigest()])
        apply(masks, kept)

    def step_or_fail(watching: Watching, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == 2 and os.environ.get("FAIL_IN") == os.environ["RANK"]:
            raise UserError("something is wrong here alone.")
        step(watching, args, state, control, **kwargs)

    NumberedRows.__getitems__ = read_and_note
    Masks.set = apply_and_note
    Watching.on_step_end = step_or_fail


if __name__ == "__main__":
    watch(Path(sys.argv.pop(1)))
    main()
