"""FFN widths in tiles: whole tiles of rows go instead of rows, chosen on the device that has the scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional as F


@dataclass(frozen=True)
class Tiles:
    """The FFN rows of all layers, cut into tiles.

    Attributes:
        rows: of a tile.
        sizes: (layers, tiles) rows of each tile; the last of a layer may be smaller, or there may be none.
    """

    rows: int
    sizes: torch.Tensor

    @classmethod
    def of(cls, widths: Sequence[int], rows: int, device: torch.device) -> Tiles:
        """Tiles of `rows` rows.

        Args:
            widths: FFN rows of each layer.
        """
        firsts = torch.arange(0, max(widths), rows, device=device)
        left = torch.tensor(widths, device=device).unsqueeze(1) - firsts
        return cls(rows, left.clamp(0, rows).float())

    def kept(self, banks: Sequence[torch.Tensor], keep: torch.Tensor) -> list[torch.Tensor]:
        """Which rows stay: of every layer a multiple of the tile, or all, and in sum as near to `keep` as tiles come.

        The rows of a layer, by falling score, are cut into tiles, and the tiles with the lowest mean score go: what a
        threshold does to rows, done to tiles. Every layer keeps its first tile, so the sum can be no smaller than
        those. Nothing waits for the device.

        Args:
            banks: scores, (layers, rows); together as many layers as there are.
            keep: rows to keep in all layers together, 0-d.

        Returns:
            1.0 where a row stays and 0.0 where it goes, in the shapes of `banks`.
        """
        ordered = [bank.sort(dim=1, descending=True, stable=True) for bank in banks]
        widths = self._widths(torch.cat([self._sums(by_score) for by_score, _ in ordered]), keep)
        kept = []
        for (_, order), own in zip(ordered, widths.split_with_sizes([len(bank) for bank in banks]), strict=True):
            place = torch.arange(order.shape[1], device=order.device)
            stays = (place < own.unsqueeze(1)).to(banks[0].dtype)
            kept.append(torch.empty_like(stays).scatter_(1, order, stays))
        return kept

    def _sums(self, by_score: torch.Tensor) -> torch.Tensor:
        """(layers, tiles) of (layers, rows) scores, by falling score."""
        layers, tiles = len(by_score), self.sizes.shape[1]
        full = F.pad(by_score, (0, tiles * self.rows - by_score.shape[1]))
        return full.view(layers, tiles, self.rows).sum(2)

    def _widths(self, sums: torch.Tensor, keep: torch.Tensor) -> torch.Tensor:
        """How many rows each layer keeps, (layers,).

        Args:
            sums: (layers, tiles) of the scores of each tile.
        """
        # A tile of no rows has 0 / 0 here, and is the first to go.
        means = (sums / self.sizes).nan_to_num_(nan=-torch.inf, posinf=torch.inf, neginf=-torch.inf)
        # Falling, but for the last digits of a sum.
        means = means.cummin(1).values
        means[:, 0] = torch.inf
        # Of equal means the later tile goes first: a layer loses tiles from its end.
        order = means.flatten().argsort(descending=True, stable=True)
        off = (self.sizes.flatten()[order].cumsum(0) - keep).abs()
        off[: len(sums) - 1] = torch.inf
        place = torch.arange(len(off), device=off.device)
        stays = torch.empty_like(off).scatter_(0, order, (place <= off.argmin()).to(off.dtype))
        return (stays.view_as(self.sizes) * self.sizes).sum(1)
