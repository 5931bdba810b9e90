"""The strip against nn_pruning's own `optimize_model`, on the same masks, where that function works.

It works on BERT models of twelve layers, and removes heads with transformers' `prune_heads`, which transformers 5
dropped: there, heads are left out of its work and FFN rows alone are compared. The lane with transformers 4 compares
both.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from models import logits, small_bert
from nn_pruning import inference_model_patcher

from mctl.compression.budget import Budget
from mctl.compression.families import family_of
from mctl.compression.layout import layout_of
from mctl.compression.movement import attach_masks, bake_masks
from mctl.compression.strip import live_units, strip


@pytest.mark.parametrize("level", [0.1, 0.5, 0.8])
def test_strip_agrees_with_optimize_model(level: float, monkeypatch: pytest.MonkeyPatch) -> None:
    model = small_bert(layers=12, seed=4)
    has_prune_heads = hasattr(model, "prune_heads")
    if not has_prune_heads:
        monkeypatch.setattr(inference_model_patcher.BertHeadsPruner, "run", lambda self: (0, 1))
    family = family_of(model.config)
    masks = attach_masks(model, family, layout_of(model).head_size)
    generator = torch.Generator().manual_seed(7)
    for group in masks.groups:
        group.scores.data.copy_(torch.randn(group.scores.shape, generator=generator))
    masks.set(Budget.of(masks.groups).kept(masks.groups, level))
    bake_masks(model, family)
    theirs: Any = inference_model_patcher.optimize_model(copy.deepcopy(model), "dense")
    ours = strip(model, live_units(model))
    torch.testing.assert_close(logits(ours), logits(theirs), atol=1e-5, rtol=0)
    for our_layer, their_layer in zip(ours.bert.encoder.layer, theirs.bert.encoder.layer, strict=True):
        assert torch.equal(our_layer.intermediate.dense.weight, their_layer.intermediate.dense.weight)
        assert torch.equal(our_layer.output.dense.weight, their_layer.output.dense.weight)
        if has_prune_heads:
            assert torch.equal(our_layer.attention.self.value.weight, their_layer.attention.self.value.weight)
    if has_prune_heads:
        assert min(layout_of(ours).heads) < 4
