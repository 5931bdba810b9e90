"""FFN widths in tiles: whole tiles of rows go instead of rows, chosen on the device that has the scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch.nn import functional as F

from mctl.compression.budget import counting


@dataclass(frozen=True)
class Tiles:
    """The FFN rows of all layers, cut into tiles.

    Attributes:
        widths: FFN rows of each layer.
        rows: of a tile.
    """

    widths: tuple[int, ...]
    rows: int

    def kept(self, banks: Sequence[torch.Tensor], keep: torch.Tensor) -> list[torch.Tensor]:
        """Which rows stay: of every layer a multiple of the tile, or all, and in sum as near to `keep` as tiles come.

        The rows of a layer, by falling score, are cut into tiles, and the tiles with the lowest mean score go: what a
        threshold does to rows, done to tiles. Every layer keeps its first tile, so the sum can be no smaller than
        those. Where fewer and more are equally near, fewer stay; of rows with equal scores the first goes first, of
        tiles with equal means the last. Nothing waits for the device.

        Args:
            banks: scores, (layers, rows); together as many layers as there are.
            keep: rows to keep in all layers together, 0-d.

        Returns:
            1.0 where a row stays and 0.0 where it goes, in the shapes of `banks`.
        """
        rising = [bank.sort(dim=1, stable=True) for bank in banks]
        sizes = _sizes(self.widths, self.rows, keep.device)
        sums = torch.cat([self._sums(by_score.flip(1), sizes.shape[1]) for by_score, _ in rising])
        widths = _rounded(sums, sizes, keep)
        kept = []
        for (_, order), own in zip(rising, widths.split_with_sizes([len(bank) for bank in banks]), strict=True):
            # Row p of p = 1, 2 ... by rising score is one of the best `own` if p > rows - own.
            place = counting(order.shape[1], order.device)
            stays = (place > (order.shape[1] - own).unsqueeze(1)).to(banks[0].dtype)
            kept.append(torch.empty_like(stays).scatter_(1, order, stays))
        return kept

    def _sums(self, falling: torch.Tensor, tiles: int) -> torch.Tensor:
        """(layers, tiles) of (layers, rows) scores, by falling score."""
        full = F.pad(falling, (0, tiles * self.rows - falling.shape[1]))
        return full.view(len(falling), tiles, self.rows).sum(2)


@lru_cache(maxsize=8)
def _sizes(widths: tuple[int, ...], rows: int, device: torch.device) -> torch.Tensor:
    """(layers, tiles) rows of each tile; the last of a layer may be smaller, or there may be none."""
    firsts = torch.arange(0, max(widths), rows, device=device)
    return (torch.tensor(widths, device=device).unsqueeze(1) - firsts).clamp(0, rows).float()


def _rounded(sums: torch.Tensor, sizes: torch.Tensor, keep: torch.Tensor) -> torch.Tensor:
    """How many rows each layer keeps, (layers,).

    Args:
        sums: (layers, tiles) of the scores of each tile.
        sizes: (layers, tiles) rows of each tile.
    """
    # A tile of no rows is the first to go. Others fall, but for the last digits of a sum.
    means = torch.where(sizes > 0, sums / sizes, -torch.inf).cummin(1).values
    means[:, 0] = torch.inf
    order = means.flatten().argsort(descending=True, stable=True)
    off = (sizes.flatten()[order].cumsum(0) - keep).abs()
    off[: len(sums) - 1] = torch.inf
    stays = (counting(len(off), off.device) <= off.argmin() + 1).to(off.dtype)
    return (torch.empty_like(off).scatter_(0, order, stays).view_as(sizes) * sizes).sum(1)
