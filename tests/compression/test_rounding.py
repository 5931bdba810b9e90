"""FFN widths in tiles: whole tiles, the worst first, and in sum what was asked for."""

from __future__ import annotations

from itertools import pairwise

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mctl.compression.allocation import choices
from mctl.compression.rounding import Tiles

# A busy machine is no failure.
untimed = settings(deadline=None)
Layers = list[torch.Tensor]


def layers_of(widths: list[int], seed: int) -> Layers:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(1, width, generator=generator) for width in widths]


layers_of_scores = st.builds(
    layers_of, widths=st.lists(st.integers(1, 200), min_size=1, max_size=6), seed=st.integers(0, 2**20)
)


def rounded(scores: Layers, keep: float, tile: int) -> list[int]:
    """How many rows each layer keeps; they are its best."""
    tiles = Tiles(tuple(layer.shape[1] for layer in scores), tile)
    kept = tiles.kept(scores, torch.tensor(keep))
    for layer, mask in zip(scores, kept, strict=True):
        assert mask.shape == layer.shape
        if not mask.all():
            assert layer[mask == 0].max() <= layer[mask == 1].min()
    return [int(mask.sum()) for mask in kept]


@untimed
@given(scores=layers_of_scores, share=st.floats(0, 1), tile=st.sampled_from([1, 4, 32, 64]))
def test_rounded_widths_are_tiles_and_in_sum_what_was_asked(scores: Layers, share: float, tile: int) -> None:
    full = [layer.shape[1] for layer in scores]
    fewest = sum(min(tile, width) for width in full)
    keep = share * sum(full)
    kept = rounded(scores, keep, tile)
    assert all(
        count == width or (count % tile == 0 and 0 < count < width) for count, width in zip(kept, full, strict=True)
    )
    assert abs(sum(kept) - max(keep, fewest)) <= tile / 2 + 1e-4


@untimed
@given(scores=layers_of_scores, share=st.floats(0, 1), tile=st.sampled_from([4, 32]))
def test_the_tiles_that_go_score_no_higher_than_those_that_stay(scores: Layers, share: float, tile: int) -> None:
    kept = rounded(scores, share * sum(layer.shape[1] for layer in scores), tile)
    gone, stayed = [-torch.inf], [torch.inf]
    for layer, count in zip(scores, kept, strict=True):
        falling, counts = layer[0].sort(descending=True).values, choices(layer.shape[1], tile)
        for first, end in pairwise(counts):
            (stayed if end <= count else gone).append(float(falling[first:end].mean()))
    assert max(gone) <= min(stayed) + 1e-5


@untimed
@given(
    layers=st.integers(1, 4),
    width=st.integers(1, 90),
    share=st.floats(0, 1),
    tile=st.sampled_from([1, 8]),
    seed=st.integers(0, 99),
)
def test_layers_in_one_tensor_are_rounded_as_layers_apart(
    layers: int, width: int, share: float, tile: int, seed: int
) -> None:
    apart = layers_of([width] * layers, seed)
    tiles = Tiles((width,) * layers, tile)
    keep = torch.tensor(share * layers * width)
    (together,) = tiles.kept([torch.cat(apart)], keep)
    assert torch.equal(together, torch.cat(tiles.kept(apart, keep)))


def test_of_tiles_with_equal_means_the_last_goes_first() -> None:
    assert rounded([torch.zeros(1, 70), torch.zeros(1, 70)], 70 + 64, 32) == [70, 64]


def test_of_rows_with_equal_scores_the_first_goes_first() -> None:
    (kept,) = Tiles((8,), 4).kept([torch.tensor([[1.0, 0, 0, 0, 0, 0, 0, 0]])], torch.tensor(4.0))
    assert kept.tolist() == [[1, 0, 0, 0, 0, 1, 1, 1]]
