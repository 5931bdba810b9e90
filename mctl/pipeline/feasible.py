"""What is refused before any work: levels that no layout reaches, squares that do not tile."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from mctl.artifact import check_kind
from mctl.errors import UserError
from mctl.recipe import CompressSettings

if TYPE_CHECKING:
    from mctl.compression.layout import Layout


def learns(settings: CompressSettings) -> bool:
    """Whether there is anything to train for: fewer tokens alone leave every weight as it is."""
    return bool(settings.prune) or settings.layers is not None or bool(settings.distill)


def check_asked(settings: CompressSettings) -> None:
    """Refuse to do nothing, and what cannot be done.

    Raises:
        UserError: neither pruning nor distillation nor fewer layers or tokens are asked for; copies without a
            teacher; somebody to learn from, and nothing to learn.
    """
    if 0 < settings.prune < 1:
        raise UserError(
            f"{settings.prune:g} is less than one percent of the encoder's weights.",
            where=f"--prune {settings.prune:g}",
            todo=f"The level is a percentage: did you mean --prune {100 * settings.prune:g}?",
        )
    if not learns(settings) and not settings.trim_vocab:
        raise UserError(
            "nothing is removed and nothing is learnt from the teacher.",
            where="--prune 0",
            todo="Prune more than 0 %, keep fewer layers with --layers, learn with --distill, or --trim-vocab.",
        )
    if settings.augment and not settings.distill:
        raise UserError(
            "altered copies have no labels but the teacher's, and nothing is learnt from it.",
            where="--augment",
            todo="Add --distill.",
        )
    # Who says `distill = false` in so many words means it.
    if settings.distill_from is not None and not settings.distill and "distill" not in settings.model_fields_set:
        raise UserError(
            "nothing is learnt from it.",
            where=f"--distill-from {settings.distill_from}",
            todo="Say what is: --distill logits, or --distill for logits and hidden states.",
        )


def check_place(folder: Path, teacher: str, *, named: bool) -> None:
    """Refuse to put a compressed artifact where something is that will be in its way.

    Only a compressed artifact of mctl is replaced. Whether it has files of the user's is asked when it is known that
    it is made again, see `stage.finished`.

    Args:
        folder: where it is to be.
        teacher: name of the folder where the teacher is, or is going to be.
        named: whether the user chose the name, and not mctl.

    Raises:
        UserError: another kind of artifact, no artifact, a file or a link has this name.
    """
    where = f"--name {folder.name}" if named else str(folder)
    todo = "Choose another name (--name, or name under [compress] in mctl.toml), or write elsewhere with --artifacts."
    if folder.name == teacher:
        raise UserError("this is the name of the teacher, which is kept.", where=where, todo=todo)
    check_kind(folder, "compressed", where=where, todo=todo)


def check_feasible(settings: CompressSettings, layout: Layout) -> None:
    """Refuse what this encoder cannot become.

    Args:
        layout: of the student before it is pruned.

    Raises:
        UserError: the level is above the largest, or squares of `block` do not tile the matrices.
    """
    if settings.structure == "blocks":
        _check_block(layout, settings.block)
    elif settings.target_speedup is None and settings.prune > layout.largest_level_percent():
        raise UserError(
            f"every layer keeps a head and an FFN row, so at most {layout.largest_level_percent():.1f} % can be "
            "removed from this encoder.",
            where="--prune",
            todo="Ask for less.",
        )


def _check_block(layout: Layout, block: int) -> None:
    widths = {heads * layout.head_size for heads in layout.heads}
    sides = sorted({layout.hidden_size, *widths, *layout.ffn})
    if any(side % block for side in sides):
        raise UserError(
            f"squares of {block} do not tile this encoder's matrices, whose sides are {', '.join(map(str, sides))}.",
            where="--block",
            todo=f"Choose a divisor of {math.gcd(*sides)}.",
        )
