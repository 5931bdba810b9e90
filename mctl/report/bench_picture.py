"""A benchmark drawn: speed-ups with their intervals, or times where nothing is compared."""

from __future__ import annotations

import io
from typing import Any

from mctl.ownership import picture_metadata
from mctl.report.bench_schema import BenchResult, Interval, Point, Timing
from mctl.report.plain import plain

_WIDTH, _HEIGHT = 4.2, 3.4
# Of the distance between two batch sizes: what the points of all models at one size take together.
_SPREAD = 0.5


def picture(result: BenchResult, format: str = "svg") -> bytes:
    """One panel a length: batch sizes to the right, speed-ups against the baseline with their intervals upwards.

    Without a baseline, median times. What is missing at a point is not drawn.

    Args:
        format: "svg", "png" or "pdf".
    """
    # Figure without pyplot: nothing global is changed and no display is looked for.
    from matplotlib.figure import Figure

    lengths = sorted({point.length for point in result.points})
    batches = sorted({point.batch for point in result.points})
    figure = Figure(figsize=(_WIDTH * len(lengths), _HEIGHT + 0.6), layout="constrained")
    panels: Any = figure.subplots(1, len(lengths), sharey=True, squeeze=False)[0]
    for axis, length in zip(panels, lengths, strict=True):
        _panel(axis, result, [point for point in result.points if point.length == length], batches)
        axis.set_title(f"{length} tokens")
    panels[0].set_ylabel(f"times as fast as {_label(result.baseline)}" if result.baseline else "p50, ms a call")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", frameon=False, ncols=2)
    content = io.BytesIO()
    # Without the date, the same result gives the same picture.
    figure.savefig(content, format=format, dpi=150, metadata=picture_metadata(format))
    return content.getvalue()


def _panel(axis: Any, result: BenchResult, points: list[Point], batches: list[int]) -> None:
    names = [name for name in result.participants if name != result.baseline]
    for index, name in enumerate(names):
        found = [(batches.index(point.batch), point.timings[name]) for point in points if name in point.timings]
        values = [(place, value) for place, timing in found if (value := _value(timing, result)) is not None]
        shift = _SPREAD * ((index + 0.5) / len(names) - 0.5)
        axis.errorbar(
            [place + shift for place, _ in values],
            [value.value for _, value in values],
            yerr=[
                [value.value - value.low for _, value in values],
                [value.high - value.value for _, value in values],
            ],
            fmt="o",
            capsize=3,
            markersize=4,
            label=_label(name),
        )
    if result.baseline is not None:
        axis.axhline(1, color="#888888", linewidth=0.8, linestyle="--")
    axis.set_xticks(range(len(batches)), [str(batch) for batch in batches])
    axis.set_xlim(-0.5, len(batches) - 0.5)
    axis.set_xlabel("texts a call")
    axis.spines[["top", "right"]].set_visible(False)


def _value(timing: Timing, result: BenchResult) -> Interval | None:
    """What is drawn of a participant at a point; a median alone has no interval."""
    if result.baseline is not None:
        return timing.speedup
    return Interval(value=timing.p50_ms, low=timing.p50_ms, high=timing.p50_ms, confidence=0)


def _label(name: str | None) -> str:
    """A name that matplotlib draws as it is: `$` would begin a formula, a leading `_` would leave it out."""
    text = plain(name or "").replace("$", r"\$")
    return f"\u200b{text}" if text.startswith("_") else text
