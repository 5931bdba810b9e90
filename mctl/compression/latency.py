"""What units cost in time: a table of measured latencies, and what it predicts for a layout.

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
from scipy.optimize import isotonic_regression

FloatArray: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LatencyTable:
    """Microseconds of the parts of one classifier, for one call at one batch size and length on one runtime.

    Between its points the table is linear; more units never cost less.

    Attributes:
        heads: numbers of attention heads, ascending.
        heads_us: time of the attention part of one layer with so many heads, and of all that a layer does besides.
        rows: numbers of FFN rows, ascending.
        rows_us: time of the FFN part of one layer with so many rows, above that of the first point.
        rest_us: time of all that is not a layer: embeddings, pooler, classifier, the call itself.
    """

    heads: tuple[int, ...]
    heads_us: tuple[float, ...]
    rows: tuple[int, ...]
    rows_us: tuple[float, ...]
    rest_us: float

    def attention_us(self, heads: npt.ArrayLike) -> FloatArray:
        """Time of the attention part of one layer, in the shape of `heads`."""
        return np.asarray(np.interp(np.asarray(heads, dtype=np.float64), self.heads, self.heads_us), dtype=np.float64)

    def ffn_us(self, rows: npt.ArrayLike) -> FloatArray:
        """Time of the FFN part of one layer, in the shape of `rows`."""
        return np.asarray(np.interp(np.asarray(rows, dtype=np.float64), self.rows, self.rows_us), dtype=np.float64)

    def model_us(self, heads: Sequence[int], rows: Sequence[int]) -> float:
        """Time of one call of a model.

        Args:
            heads, rows: units left, one number a layer each.
        """
        return float(self.attention_us(heads).sum() + self.ffn_us(rows).sum()) + self.rest_us

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


@dataclass(frozen=True)
class LayerTimes:
    """Times of whole classifiers of one layer, in microseconds, from which a table follows by differences.

    Attributes:
        heads, rows: the full width of a layer.
        one_us: one layer of full width.
        two_us: two of them.
        by_heads: one layer of full FFN width with fewer heads, by their number.
        by_rows: one layer with all heads and fewer FFN rows, by their number.
    """

    heads: int
    rows: int
    one_us: float
    two_us: float
    by_heads: Mapping[int, float]
    by_rows: Mapping[int, float]


def table_of(times: LayerTimes) -> LatencyTable:
    """The table that measured times add up to.

    What a second layer adds is the time of a layer; what it adds less with fewer units is the time of these units.
    Times are noisy, and more units cannot take less time: the points are pulled to the nearest rising line (isotonic
    regression, Barlow et al. 1972).

    Raises:
        ValueError: two layers took no longer than one: noise is all that was measured.
    """
    layer_us = times.two_us - times.one_us
    if layer_us <= 0:
        raise ValueError(f"two layers took {times.two_us:.1f} us and one {times.one_us:.1f} us")
    heads, heads_us = _rising({**times.by_heads, times.heads: times.one_us})
    rows, rows_us = _rising({**times.by_rows, times.rows: times.one_us})
    # The FFN counts from its smallest point; the rest of a layer goes with attention, whatever its cause.
    rows_us = rows_us - rows_us[0]
    heads_us = np.maximum(heads_us - heads_us[-1] + layer_us - rows_us[-1], 0.0)
    return LatencyTable(
        heads=heads,
        heads_us=tuple(heads_us.tolist()),
        rows=rows,
        rows_us=tuple(rows_us.tolist()),
        rest_us=max(times.one_us - layer_us, 0.0),
    )


def _rising(points: Mapping[int, float]) -> tuple[tuple[int, ...], FloatArray]:
    """Numbers of units, ascending, and their times without the falls that are noise."""
    units = tuple(sorted(points))
    fitted = isotonic_regression([points[count] for count in units], increasing=True)
    return units, np.asarray(fitted.x, dtype=np.float64)
