"""Measures what heads and FFN rows cost on a runtime, on models that have the shapes of a student and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mctl.pipeline.scoring import Runner
from mctl.pipeline.timing import Place, exported_runner, full_batch, timed
from mctl.progress import Progress

if TYPE_CHECKING:
    from mctl.compression.latency import LatencyTable, Point
    from mctl.compression.layout import Layout

# Embeddings take a look-up whatever their size; their weights would only fill the disk.
_VOCABULARY = 64


@dataclass(frozen=True)
class Design:
    """What is measured: models whose layers are all alike.

    Attributes:
        heads, rows: where the table has its points, ascending.
        models: heads and rows of each layer, model by model; they tell heads from rows.
    """

    heads: tuple[int, ...]
    rows: tuple[int, ...]
    models: tuple[tuple[int, int], ...]


def design(heads: int, rows: int, tile: int) -> Design:
    """The models for a student whose widest layer has `heads` heads and `rows` FFN rows.

    The corners of what there is, and the middle, where the layouts of a pruned model are. Whole models rather than
    single layers: differences of small times are mostly noise, and what a layer takes depends on those before it.
    """
    smallest = min(tile, rows)
    half = max(smallest, rows // 2 // tile * tile)
    middle = (-(-heads // 2), half)
    models = tuple(dict.fromkeys([(heads, rows), (1, rows), (heads, smallest), (1, smallest), middle]))
    return Design(_two((1, heads)), _two((smallest, half, rows)), models)


def _two(grid: tuple[int, ...]) -> tuple[int, ...]:
    """The points of an axis; where there is but one, one more, since a table has two."""
    points = tuple(sorted(set(grid)))
    return points if len(points) > 1 else (points[0], points[0] + 1)


@dataclass(frozen=True)
class Measured:
    """A table and the times behind it.

    Attributes:
        table: fitted to all points.
        points: models that were timed, the lower quartile of each.
        spreads: upper quartile over lower, of each point.
        rounds: timed calls of each.
        teacher_us: time of the teacher.
    """

    table: LatencyTable
    points: tuple[Point, ...]
    spreads: tuple[float, ...]
    rounds: int
    teacher_us: float

    def as_dict(self) -> dict[str, Any]:
        """For the manifest."""
        errors = self.table.errors(self.points)
        return {
            "table": self.table.as_dict(),
            "points": [
                {
                    "heads": point.heads[0],
                    "rows": point.rows[0],
                    "us": point.us,
                    "spread": spread,
                    "error": float(error),
                }
                for point, spread, error in zip(self.points, self.spreads, errors, strict=True)
            ],
            "rounds": self.rounds,
            "teacher_us": self.teacher_us,
        }


def measure_table(
    config: Any,
    student: Layout,
    teacher: Layout,
    names: Sequence[str],
    tile: int,
    place: Place,
    folder: Path,
    progress: Progress,
) -> Measured:
    """Export models of some widths, time them in turn, and fit a table.

    Args:
        config: of the teacher.
        student: layout before pruning, with as many layers as the table is for.
        teacher: layout that the speed-up is measured against.
        names: inputs of the classifier.
        tile: FFN rows come in multiples of it.
        folder: for one export at a time; removed.

    Raises:
        UserError: a model cannot be exported or run.
    """
    from mctl.compression.latency import Point, fit_table

    depth = len(student.heads)
    plan = design(max(student.heads), max(student.ffn), tile)
    layouts = {f"{heads}x{rows}": ((heads,) * depth, (rows,) * depth) for heads, rows in plan.models}
    layouts["teacher"] = (teacher.heads, teacher.ffn)
    runners = _runners(config, layouts, names, place, folder, progress)
    results = timed(runners, full_batch(place, names, _vocabulary(config)), place, progress, "measure latency")
    quartiles = {name: np.percentile(result.samples_ms, [25, 75]) * 1e3 for name, result in results.items()}
    teacher_us = float(quartiles.pop("teacher")[0])
    points = tuple(Point(*layouts[name], float(low)) for name, (low, _) in quartiles.items())
    return Measured(
        table=fit_table(points, plan.heads, plan.rows),
        points=points,
        spreads=tuple(float(high / low) for low, high in quartiles.values()),
        rounds=results["teacher"].samples,
        teacher_us=teacher_us,
    )


def _runners(
    config: Any,
    layouts: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]],
    names: Sequence[str],
    place: Place,
    folder: Path,
    progress: Progress,
) -> dict[str, Runner]:
    """Exports of models by their heads and rows; the same layout is exported once, whatever its names."""
    made: dict[tuple[tuple[int, ...], tuple[int, ...]], Runner] = {}
    progress.start("export models to time", len(layouts))
    for done, layout in enumerate(layouts.values(), start=1):
        if layout not in made:
            made[layout] = exported_runner(shaped(config, *layout), names, folder, place)
        progress.advance(done)
    progress.finish()
    return {name: made[layout] for name, layout in layouts.items()}


def shaped(config: Any, heads: Sequence[int], rows: Sequence[int]) -> Any:
    """A classifier with random weights and a small vocabulary whose layers have these widths, in eval mode.

    Nothing of the caller's random state is used up.
    """
    import copy

    import torch

    from mctl.compression.families import family_of
    from mctl.compression.modeling_compact import MODELS
    from mctl.compression.strip import Kept, compact_config

    small = copy.deepcopy(config)
    small.vocab_size = _vocabulary(config)
    small.num_hidden_layers = len(heads)
    family = family_of(config)
    kept = Kept(tuple(tuple(range(count)) for count in heads), tuple(tuple(range(count)) for count in rows))
    with torch.random.fork_rng(devices=[]):
        return MODELS[family.name](compact_config(small, family, kept)).eval()


def _vocabulary(config: Any) -> int:
    """Enough pieces for a few that are not padding."""
    return max(_VOCABULARY, 2 * (config.pad_token_id or 0) + 2)
