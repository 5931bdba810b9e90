"""What is refused before any work: levels that no layout reaches, squares that do not tile."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mctl.errors import UserError
from mctl.recipe import CompressSettings

if TYPE_CHECKING:
    from mctl.compression.layout import Layout


def check_asked(settings: CompressSettings) -> None:
    """Refuse to do nothing, and what cannot be done.

    Raises:
        UserError: neither pruning nor distillation nor fewer layers are asked for; copies without a teacher.
    """
    if not settings.prune and settings.layers is None and not settings.distill:
        raise UserError(
            "nothing is removed and nothing is learnt from the teacher.",
            where="--prune 0",
            todo="Prune more than 0 %, keep fewer layers with --layers, or learn with --distill.",
        )
    if settings.augment and not settings.distill:
        raise UserError(
            "altered copies have no labels but the teacher's, and nothing is learnt from it.",
            where="--augment",
            todo="Add --distill.",
        )


def check_feasible(settings: CompressSettings, layout: Layout) -> None:
    """Refuse what this encoder cannot become.

    Args:
        layout: of the student before it is pruned.

    Raises:
        UserError: the level is above the largest, or squares of `block` do not tile the matrices.
    """
    if settings.structure == "blocks":
        _check_block(layout, settings.block)
    elif settings.prune > layout.largest_level_percent():
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
