"""Which weights a score decides, against brute force, and blocks against nn_pruning's own."""

from __future__ import annotations

import copy
from unittest import mock

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from models import kept_above, small_bert
from torch import nn

from mctl.compression.families import family_of
from mctl.compression.layout import layout_of
from mctl.compression.masking import Bank, Geometry, Mask, MaskedLinear
from mctl.compression.movement import attach_masks, masked_nn

few = settings(max_examples=40, deadline=None)
geometries = st.builds(Geometry, st.sampled_from(["rows", "columns", "blocks"]), st.integers(1, 4))
sides = st.integers(1, 4)


def shape_of(geometry: Geometry, down: int, across: int) -> tuple[int, int]:
    """Of a matrix of `down` times `across` groups; lines that are not grouped are as many as they like."""
    rows = down if geometry.kind == "columns" else down * geometry.size
    columns = across if geometry.kind == "rows" else across * geometry.size
    return rows, columns


def score_of(geometry: Geometry, row: int, column: int) -> tuple[int, ...]:
    """Which score decides the weight at a place."""
    if geometry.kind == "rows":
        return (row // geometry.size,)
    if geometry.kind == "columns":
        return (column // geometry.size,)
    return row // geometry.size, column // geometry.size


def scores_shape(geometry: Geometry, down: int, across: int) -> tuple[int, ...]:
    return {"rows": (down,), "columns": (across,), "blocks": (down, across)}[geometry.kind]


def mask_of(scores: torch.Tensor) -> Mask:
    """What scores above zero keep."""
    return Mask(Bank((scores.detach() > 0).to(scores.dtype).unsqueeze(0)))


@few
@given(geometry=geometries, down=sides, across=sides, seed=st.integers(0, 2**16), transposed=st.booleans())
def test_every_weight_meets_the_number_of_its_score(
    geometry: Geometry, down: int, across: int, seed: int, transposed: bool
) -> None:
    rows, columns = shape_of(geometry, down, across)
    generator = torch.Generator().manual_seed(seed)
    mask = torch.rand(scores_shape(geometry, down, across), generator=generator)
    matrix = (
        torch.randn((columns, rows), generator=generator).T
        if transposed
        else torch.randn(rows, columns, generator=generator)
    )
    masked = geometry.masked(matrix, mask)
    for row in range(rows):
        for column in range(columns):
            assert masked[row, column] == matrix[row, column] * mask[score_of(geometry, row, column)]


@few
@given(geometry=geometries, down=sides, across=sides, seed=st.integers(0, 2**16))
def test_movement_adds_up_gradient_times_weight_of_what_a_score_decides(
    geometry: Geometry, down: int, across: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    gradient, weight = (torch.randn(shape_of(geometry, down, across), generator=generator) for _ in range(2))
    expected = torch.zeros(scores_shape(geometry, down, across), dtype=torch.float64)
    for row in range(weight.shape[0]):
        for column in range(weight.shape[1]):
            expected[score_of(geometry, row, column)] += float(gradient[row, column]) * float(weight[row, column])
    torch.testing.assert_close(geometry.movement(gradient, weight).double(), expected, rtol=1e-4, atol=1e-4)


@few
@given(geometry=geometries, down=sides, across=sides, seed=st.integers(0, 2**16))
def test_a_row_is_left_when_any_weight_of_it_is(geometry: Geometry, down: int, across: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    mask = torch.randint(0, 2, scores_shape(geometry, down, across), generator=generator).float()
    rows = geometry.rows(mask)
    if geometry.kind == "columns":
        assert rows is None
        return
    left = geometry.masked(torch.ones(shape_of(geometry, down, across)), mask).amax(1)
    assert torch.equal(rows.repeat_interleave(geometry.size), left)


@few
@given(geometry=geometries, down=sides, across=sides, seed=st.integers(0, 2**16), masked=st.booleans())
def test_the_scores_gradient_is_that_of_a_mask_made_by_hand(
    geometry: Geometry, down: int, across: int, seed: int, masked: bool
) -> None:
    """dL/dS = dL/dW' * W, by autograd through a mask that is spread with plain indexing."""
    generator = torch.Generator().manual_seed(seed)
    rows, columns = shape_of(geometry, down, across)
    linear = nn.Linear(columns, rows)
    scores = nn.Module()
    scores.mask_scores = nn.Parameter(torch.randn(scores_shape(geometry, down, across), generator=generator))
    mask = mask_of(scores.mask_scores) if masked else Mask()
    inputs, pull = torch.randn(5, columns, generator=generator), torch.randn(5, rows, generator=generator)
    ours = MaskedLinear(copy.deepcopy(linear), scores, mask, geometry)
    (ours(inputs) * pull).sum().backward()

    soft = (mask.kept if masked else torch.ones_like(scores.mask_scores)).clone().requires_grad_(True)
    places = [[score_of(geometry, row, column) for column in range(columns)] for row in range(rows)]
    spread = torch.stack([torch.stack([soft[place] for place in line]) for line in places])
    (inputs @ (linear.weight * spread).T * pull).sum().backward()
    torch.testing.assert_close(scores.mask_scores.grad, soft.grad, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(ours.weight.grad, linear.weight.grad, rtol=1e-4, atol=1e-4)


class ZeroThreshold:
    """What nn_pruning's linears ask for their threshold."""

    def get_context_data(self, key: str) -> torch.Tensor:
        return torch.tensor(0.0)


@pytest.mark.parametrize("seed", range(3))
def test_blocks_equal_nn_prunings_own_with_all_gradients(seed: int) -> None:
    torch.manual_seed(seed)
    block, linear = 4, nn.Linear(12, 8)
    args = masked_nn.LinearPruningArgs(
        method="threshold",
        submethod="default",
        ampere_method="disabled",
        block_rows=block,
        block_cols=block,
        min_elements=0,
        bias_mask=True,
        mask_init=masked_nn.InitDirective(),
        ampere_init=masked_nn.InitDirective(),
    )
    theirs_scores = masked_nn.BlockLinearPruningContextModule(linear.weight.shape, args)
    theirs_scores.mask_scores.data.normal_()
    # A whole row of blocks goes, and its biases with it.
    theirs_scores.mask_scores.data[1] = -1.0
    ours_scores = copy.deepcopy(theirs_scores)
    theirs = masked_nn.MaskedLinear(copy.deepcopy(linear), [theirs_scores, None], None, args)
    theirs.set_context(ZeroThreshold())
    mask = mask_of(ours_scores.mask_scores)
    ours = MaskedLinear(copy.deepcopy(linear), ours_scores, mask, Geometry("blocks", block))
    inputs, pull = torch.randn(5, 12), torch.randn(5, 8)
    for module in (theirs, ours):
        (module(inputs) * pull).sum().backward()
    torch.testing.assert_close(ours(inputs), theirs(inputs))
    torch.testing.assert_close(ours.weight.grad, theirs.weight.grad)
    torch.testing.assert_close(ours.bias.grad, theirs.bias.grad)
    torch.testing.assert_close(ours_scores.mask_scores.grad, theirs_scores.mask_scores.grad)
    assert not ours.bias.grad[block:].any()
    assert ours_scores.mask_scores.grad.abs().min() > 0


def test_no_pass_of_a_linear_waits_for_the_device() -> None:
    model = small_bert()
    masks = attach_masks(model, family_of(model.config), layout_of(model).head_size)
    waits = [torch.Tensor.item, torch.Tensor.tolist, torch.Tensor.__bool__]
    linears = [module for module in model.modules() if isinstance(module, MaskedLinear)]
    with mock.patch.multiple(torch.Tensor, **{name.__name__: mock.Mock(side_effect=AssertionError) for name in waits}):
        masks.set(kept_above(masks, 0.0))
        for linear in linears:
            linear(torch.ones(1, linear.in_features)).sum().backward()
