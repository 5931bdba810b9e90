"""Layouts drawn: heads and FFN rows left per layer."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from mctl.artifact import write_atomically
from mctl.ownership import picture_metadata, signed_picture

_WIDTH = 24


def layout_table(layout: Mapping[str, Sequence[int]], before: Mapping[str, Sequence[int]] | None) -> Table:
    """Bars of heads and FFN rows per layer; what was removed is the faint part.

    Args:
        layout: {"heads": [...], "ffn": [...]}, one number a layer.
        before: the same of the teacher; None where it is not known: numbers are then shown without bars.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("layer", "heads", "", "FFN rows", ""):
        table.add_column(title, justify="right" if title in {"layer"} else "left", no_wrap=True)
    for index, (heads, rows) in enumerate(zip(layout["heads"], layout["ffn"], strict=True)):
        if before is None:
            table.add_row(str(index), "", f"{heads}/?", "", f"{rows}/?")
            continue
        all_heads, all_rows = before["heads"][index], before["ffn"][index]
        table.add_row(
            str(index),
            _bar(heads, all_heads, all_heads),
            f"{heads}/{all_heads}",
            _bar(rows, all_rows, _WIDTH),
            f"{rows}/{all_rows}",
        )
    return table


def _bar(part: int, whole: int, width: int) -> Text:
    filled = max(round(width * part / whole), 1) if part else 0
    return Text.assemble(("█" * filled, "cyan"), ("░" * (width - filled), "dim"))


def layout_picture(layout: Mapping[str, Sequence[int]], before: Mapping[str, Sequence[int]] | None, path: Path) -> Path:
    """The same as a picture, PNG, SVG or PDF by the ending of `path`; without `before`, only what is left is drawn."""
    # Figure without pyplot: nothing global is changed and no display is looked for.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 0.3 * len(layout["heads"]) + 1.4), layout="constrained")
    axes: Any = figure.subplots(1, 2, sharey=True)
    layers = list(range(len(layout["heads"])))
    for axis, (key, title) in zip(axes, (("heads", "attention heads"), ("ffn", "FFN rows")), strict=True):
        if before is not None:
            axis.barh(layers, list(before[key]), color="#d9d9d9", label="removed")
        axis.barh(layers, list(layout[key]), color="#1f77b4", label="kept")
        axis.set_title(title)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("layer")
    axes[0].set_yticks(layers)
    axes[0].invert_yaxis()
    axes[1].legend(loc="lower right", frameon=False)
    content, format = io.BytesIO(), path.suffix[1:].lower()
    figure.savefig(content, format=format, dpi=150, metadata=picture_metadata(format))
    write_atomically(path, signed_picture(content.getvalue(), format))
    return path
