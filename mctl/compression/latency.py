"""What units cost in time: a table fitted to measured models, and what it predicts for a layout.

Pruning against a table of measured times instead of counted weights: ZipLM (Kurtic et al. 2023, arXiv 2302.04089,
section 3.2), after structured pruning of convolutions (Shen et al. 2022, arXiv 2110.10811). A layer's attention and its
FFN run one after the other, so that the time of a layer is the sum of a function of its heads and one of its rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

FloatArray: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Point:
    """A model that was timed: its heads and FFN rows, one number a layer each, and microseconds of one call."""

    heads: tuple[int, ...]
    rows: tuple[int, ...]
    us: float


@dataclass(frozen=True)
class LatencyTable:
    """Microseconds of the parts of classifiers of one depth, for one call at one batch size and length on one runtime.

    Between its points the table is linear; more units never cost less.

    Attributes:
        heads: numbers of attention heads of a layer, ascending.
        heads_us: time of the attention of one layer, above that with the first number of heads.
        rows: numbers of FFN rows of a layer, ascending.
        rows_us: time of the FFN of one layer, above that with the first number of rows.
        rest_us: time of the model whose layers all have the first number of heads and of rows.
    """

    heads: tuple[int, ...]
    heads_us: tuple[float, ...]
    rows: tuple[int, ...]
    rows_us: tuple[float, ...]
    rest_us: float

    def attention_us(self, heads: npt.ArrayLike) -> FloatArray:
        """Time of one layer's attention above that with the fewest heads, in the shape of `heads`."""
        return np.asarray(np.interp(np.asarray(heads, dtype=np.float64), self.heads, self.heads_us))

    def ffn_us(self, rows: npt.ArrayLike) -> FloatArray:
        """Time of one layer's FFN above that with the fewest rows, in the shape of `rows`."""
        return np.asarray(np.interp(np.asarray(rows, dtype=np.float64), self.rows, self.rows_us))

    def model_us(self, heads: Sequence[int], rows: Sequence[int]) -> float:
        """Time of one call of a model of the table's depth.

        Args:
            heads, rows: units left, one number a layer each.
        """
        return float(self.attention_us(heads).sum() + self.ffn_us(rows).sum()) + self.rest_us

    def errors(self, points: Sequence[Point]) -> FloatArray:
        """(points,) how far the table is off, as a share of what was measured."""
        return np.array([self.model_us(point.heads, point.rows) / point.us - 1 for point in points])

    def as_dict(self) -> dict[str, Any]:
        """For the manifest."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LatencyTable:
        """A table as `as_dict` gave it, from JSON too."""
        return cls(
            heads=tuple(values["heads"]),
            heads_us=tuple(values["heads_us"]),
            rows=tuple(values["rows"]),
            rows_us=tuple(values["rows_us"]),
            rest_us=float(values["rest_us"]),
        )


def fit_table(points: Sequence[Point], heads: Sequence[int], rows: Sequence[int]) -> LatencyTable:
    """The table that comes closest to measured times, in relative terms.

    Least squares over what each step of the table adds, none of which may be negative: noise in the measurements does
    not make a larger model look faster.

    Args:
        points: models of one depth; together they have to tell heads from rows.
        heads, rows: where the table is to have its points, ascending, two or more each.
    """
    features = np.array([[1.0, *_steps(point.heads, heads), *_steps(point.rows, rows)] for point in points])
    measured = np.array([point.us for point in points])
    solution, _ = nnls(features / measured[:, None], np.ones(len(points)))
    by_heads, by_rows = solution[1 : len(heads)], solution[len(heads) :]
    return LatencyTable(
        heads=tuple(heads),
        heads_us=tuple(np.cumsum([0.0, *by_heads]).tolist()),
        rows=tuple(rows),
        rows_us=tuple(np.cumsum([0.0, *by_rows]).tolist()),
        rest_us=float(solution[0]),
    )


def _steps(units: Sequence[int], grid: Sequence[int]) -> FloatArray:
    """(grid - 1,) how much of each step of the table the layers of a model take, summed over its layers."""
    edges = np.asarray(grid, dtype=np.float64)
    reached = (np.asarray(units, dtype=np.float64)[:, None] - edges[:-1]) / np.diff(edges)
    return np.asarray(reached.clip(0.0, 1.0).sum(0))
