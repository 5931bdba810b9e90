"""Masks: our cheap masked linear against nn_pruning's own, and how scores are shared."""

from __future__ import annotations

import copy

import pytest
import torch
from models import batch, kept_above, logits, small_bert
from safetensors.torch import save_file
from torch import nn

from mctl.compression.families import family_of
from mctl.compression.layout import layout_of
from mctl.compression.masking import Bank, Geometry, Mask, MaskedLinear
from mctl.compression.masks import Masks
from mctl.compression.movement import attach_masks, bake_masks, masked_nn


def masked_bert(structure: str = "units", block: int = 8) -> tuple[nn.Module, Masks]:
    model = small_bert()
    masks = attach_masks(model, family_of(model.config), layout_of(model).head_size, structure, block)
    generator = torch.Generator().manual_seed(3)
    for group in masks.groups:
        group.scores.data.copy_(torch.randn(group.scores.shape, generator=generator))
    return model, masks


def test_masks_that_are_not_set_change_nothing() -> None:
    plain = logits(small_bert())
    model, _ = masked_bert()
    assert torch.equal(logits(model), plain)


def test_scores_are_shared_over_query_key_value_and_over_both_ffn_matrices() -> None:
    model, masks = masked_bert()
    assert [(group.name, group.kind, group.scores.numel()) for group in masks.groups] == [
        ("attention.0", "head", 4),
        ("attention.1", "head", 4),
        ("ffn.0", "row", 48),
        ("ffn.1", "row", 48),
    ]
    layer = model.bert.encoder.layer[0]
    attention = layer.attention.self
    assert attention.query.scores is attention.key.scores is attention.value.scores
    assert layer.intermediate.dense.scores is layer.output.dense.scores
    assert isinstance(layer.attention.output.dense, nn.Linear)


def test_a_masked_model_can_be_saved_as_safetensors(tmp_path: object) -> None:
    model, masks = masked_bert()
    state = model.state_dict()
    save_file(state, f"{tmp_path}/model.safetensors")
    assert sum(name.startswith("mask_scores.") for name in state) == len(masks.groups)


@pytest.mark.parametrize("columns", [False, True])
def test_unit_linear_equals_nn_prunings_masked_linear_with_all_gradients(columns: bool) -> None:
    torch.manual_seed(0)
    unit, rows, width = 4, 12, 6
    linear = nn.Linear(width, rows) if not columns else nn.Linear(rows, width)
    args = masked_nn.LinearPruningArgs(
        method="threshold",
        submethod="1d_alt",
        ampere_method="disabled",
        block_rows=1 if columns else unit,
        block_cols=unit if columns else 1,
        min_elements=0,
        bias_mask=not columns,
        mask_init=masked_nn.InitDirective(),
        ampere_init=masked_nn.InitDirective(),
    )
    theirs_scores = masked_nn.SingleDimensionLinearPruningContextModule(linear.weight.shape, not columns, args)
    ours_scores = copy.deepcopy(theirs_scores)
    for module in (theirs_scores, ours_scores):
        module.mask_scores.data.copy_(torch.tensor([0.5, -0.5, 0.1]))
    theirs_linear, ours_linear = copy.deepcopy(linear), copy.deepcopy(linear)
    pair = [None, theirs_scores] if columns else [theirs_scores, None]
    theirs = masked_nn.MaskedLinear(theirs_linear, pair, None, args)
    mask = Mask(Bank((ours_scores.mask_scores.detach() > 0).float().unsqueeze(0)))
    ours = MaskedLinear(ours_linear, ours_scores, mask, Geometry("columns" if columns else "rows", unit))

    class Context:
        def get_context_data(self, key: str) -> torch.Tensor:
            return torch.tensor(0.0)

    theirs.set_context(Context())
    inputs = torch.randn(5, linear.in_features)
    weights = torch.randn(5, linear.out_features)
    for module in (theirs, ours):
        (module(inputs) * weights).sum().backward()
    torch.testing.assert_close(ours(inputs), theirs(inputs))
    torch.testing.assert_close(ours_linear.weight.grad, theirs_linear.weight.grad)
    torch.testing.assert_close(ours_linear.bias.grad, theirs_linear.bias.grad)
    torch.testing.assert_close(ours_scores.mask_scores.grad, theirs_scores.mask_scores.grad)
    assert ours_scores.mask_scores.grad.abs().min() > 0


def test_baking_masks_keeps_the_logits_and_leaves_no_scores() -> None:
    model, masks = masked_bert()
    masks.set(kept_above(masks, 0.0))
    expected = logits(model)
    bake_masks(model, family_of(model.config))
    torch.testing.assert_close(logits(model), expected, atol=1e-5, rtol=0)
    assert not any("mask_scores" in name for name, _ in model.named_parameters())
    assert all(not isinstance(module, MaskedLinear) for module in model.modules())


def test_blocks_mask_squares_of_every_matrix() -> None:
    model, masks = masked_bert("blocks", block=8)
    assert {group.kind for group in masks.groups} == {"block"}
    assert sum(group.scores.numel() * 64 for group in masks.groups) == layout_of(model).weights
    masks.set(kept_above(masks, 0.3))
    expected = logits(model)
    bake_masks(model, family_of(model.config))
    torch.testing.assert_close(logits(model), expected, atol=1e-5, rtol=0)
    weight = model.bert.encoder.layer[1].intermediate.dense.weight
    zeros = (weight.reshape(6, 8, 4, 8) == 0).all(3).all(1)
    scores = next(group.scores for group in masks.groups if group.name == "ffn_in.1")
    assert torch.equal(zeros, scores <= 0.3)


def test_blocks_that_do_not_fit_are_refused() -> None:
    model = small_bert()
    with pytest.raises(ValueError, match="block 7 does not divide"):
        attach_masks(model, family_of(model.config), 8, "blocks", 7)


def test_masking_one_matrix_of_a_unit_is_masking_them_all() -> None:
    """The same logits and the same movement of live units as with nn_pruning's way, in which all are masked."""
    results = []
    for everywhere in (False, True):
        model, masks = masked_bert()
        masks.set(kept_above(masks, 0.0))
        for module in model.modules():
            if isinstance(module, MaskedLinear):
                module.removes = module.removes or everywhere
        outputs = model(**batch(), labels=torch.tensor([0, 1, 2]))
        outputs.loss.backward()
        live = torch.cat([group.scores.grad[group.scores > 0].flatten() for group in masks.groups])
        results.append((outputs.logits.detach(), live))
    torch.testing.assert_close(results[0][0], results[1][0], atol=1e-5, rtol=0)
    torch.testing.assert_close(results[0][1], results[1][1], atol=1e-5, rtol=1e-3)


def test_gradients_reach_scores_of_masked_units() -> None:
    model, masks = masked_bert()
    masks.set(kept_above(masks, 0.0))
    model.train()
    model(**batch(), labels=torch.tensor([0, 1, 2])).loss.backward()
    for group in masks.groups:
        masked = group.scores.detach() <= 0
        assert masked.any()
        assert (group.scores.grad[masked] != 0).all(), group.name
