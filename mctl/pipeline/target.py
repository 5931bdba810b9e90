"""`--target-speedup`: a latency instead of a prune level; and `--round-to`, for either.

Before training a table is measured, which says what heads and FFN rows cost; during training a budget in microseconds
sets the masks (`compression/counted.py`); after it the goal is moved until the export is as fast as was asked
(`settle.py`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mctl.artifact import write_atomically
from mctl.errors import UserError
from mctl.pipeline.inherit import max_length
from mctl.pipeline.latency_table import measure_table
from mctl.pipeline.loading import load_classifier
from mctl.pipeline.scoring import input_names
from mctl.pipeline.sessions import missing_for_cuda
from mctl.pipeline.shop import Shop
from mctl.pipeline.timing import Place, usable_cores
from mctl.processes import by_main
from mctl.progress import Progress
from mctl.recipe import CompressSettings, Recipe

if TYPE_CHECKING:
    from mctl.compression.budget import UnitBudget
    from mctl.compression.counted import LatencyBudget
    from mctl.compression.masks import ScoreGroup

# FFN widths that the matrix products of a runtime like.
_TILES = {"cpu": 32, "cuda": 64}
# Of one call, unless the user says otherwise.
_TEXTS = 8


@dataclass(frozen=True)
class Aim:
    """A speed-up and how to get there.

    Attributes:
        speedup: time of the teacher's export over that of the student's, as asked.
        place: where it is to be measured.
        names: inputs of the classifier.
        budget: for the masks; its level runs from 0 (the dense student) to 1 (the goal).
        facts: what was measured to make the budget.
    """

    speedup: float
    place: Place
    names: tuple[str, ...]
    budget: LatencyBudget
    facts: dict[str, Any]


def check_target(settings: CompressSettings) -> None:
    """Refuse what cannot be measured here, before any work.

    Raises:
        UserError: blocks, whose number says nothing about time; CUDA where there is none.
    """
    if settings.target_speedup is None:
        return
    if settings.structure == "blocks":
        raise UserError(
            "a block that goes saves no time while others of its head or row stay.",
            where="--target-speedup --structure blocks",
            todo="Leave --structure at units.",
        )
    if settings.on == "cuda" and (missing := missing_for_cuda()):
        raise UserError(
            f"{missing}, so nothing can be timed on it.",
            where="--on cuda",
            todo="`mctl doctor` says what is there. Leave --on at cpu, or use onnxruntime-gpu on a machine with a GPU.",
        )


def check_at(recipe: Recipe, config: Any) -> None:
    """Refuse calls that the teacher has no positions for.

    Args:
        recipe: resolved.
        config: of the teacher.

    Raises:
        UserError: the texts of a timed call are longer than the model's positions.
    """
    if recipe.compress.target_speedup is not None:
        place_of(recipe, config)


def target_inputs(recipe: Recipe) -> dict[str, Any]:
    """What the result depends on besides `[compress]`, for the key of the stage."""
    return {} if recipe.compress.target_speedup is None else {"threads": recipe.measure.threads}


def tile_of(settings: CompressSettings) -> int:
    """FFN rows come in multiples of this, if the model is wide enough."""
    return settings.round_to or _TILES[settings.on]


def place_of(recipe: Recipe, config: Any) -> Place:
    """Where latency is measured: as asked, by default on 8 texts of the longest that texts are cut to.

    Raises:
        UserError: texts of that length are longer than the model's positions.
    """
    from mctl.compression.families import family_of

    settings = recipe.compress
    texts, _, tokens = (settings.at or f"{_TEXTS}x{max_length(recipe)}").partition("x")
    positions = family_of(config).positions(config)
    if int(tokens) > positions:
        raise UserError(
            f"the teacher has positions for {positions} tokens, so no text has {tokens}.",
            where="--at",
            todo=f"Ask for {texts}x{positions} or less.",
        )
    return Place(settings.on, int(texts), int(tokens), recipe.measure.threads or usable_cores())


def rounded(groups: Sequence[ScoreGroup], settings: CompressSettings, progress: Progress) -> UnitBudget:
    """The budget of a prune level: FFN widths in tiles, as far as the level is met with them."""
    from mctl.compression.budget import Budget
    from mctl.compression.counted import RoundedBudget

    tile = tile_of(settings)
    if tile == 1 or settings.structure == "blocks":
        return Budget.of(groups)
    budget = RoundedBudget.of(groups, tile, settings.prune / 100)
    if budget.tile != tile:
        progress.say(
            f"FFN widths are rounded to multiples of {budget.tile}: with {tile}, a model of this size would miss the "
            "prune level."
        )
    return budget


def take_aim(shop: Shop, model: Any, tokenizer: Any) -> Aim:
    """Measure the table, or find it in the work folder, and make the budget.

    Args:
        model: the student before it is pruned.

    Raises:
        UserError: no layout is as fast, or nothing can be measured.
    """
    from mctl.compression.counted import LatencyBudget, UnreachableLatencyError
    from mctl.compression.latency import LatencyTable
    from mctl.compression.layout import layout_of

    settings = shop.recipe.compress
    assert settings.target_speedup is not None
    names, student, tile = input_names(tokenizer, model), layout_of(model), tile_of(settings)
    place = place_of(shop.recipe, model.config)

    def measured() -> dict[str, Any]:
        teacher = layout_of(load_classifier(shop.teacher))
        shop.progress.say(f"measuring what heads and FFN rows cost: {place}")
        folder = shop.work / "timing"
        return measure_table(model.config, student, teacher, names, tile, place, folder, shop.progress).as_dict()

    facts = once(shop.work / "latency.json", measured)
    table = LatencyTable.from_dict(facts["table"])
    try:
        budget = LatencyBudget.of(table, student, facts["teacher_us"] / settings.target_speedup, tile)
    except UnreachableLatencyError as error:
        raise UserError(
            f"no layout is {settings.target_speedup:g} times as fast as the teacher on {place}: with one head and "
            f"{min(tile, *student.ffn)} FFN rows in every layer, {error.best_level_percent:.1f} % of the encoder's "
            f"weights are gone and it is {facts['teacher_us'] / error.best_us:.2f} times as fast.",
            where="--target-speedup",
            todo="Ask for less, or keep fewer layers with --layers.",
        ) from error
    return Aim(settings.target_speedup, place, names, budget, facts)


def once(path: Path, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What a file says; the main process makes it if there is none. Measured twice it would not be the same."""

    def write() -> None:
        if not path.exists():
            write_atomically(path, json.dumps(make()).encode())

    by_main(write)
    return dict(json.loads(path.read_text(encoding="utf-8")))
