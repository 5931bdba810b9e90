"""Scores that start from the Fisher information of the units."""

from __future__ import annotations

from typing import Any

import torch
from models import batch, small_bert

from mctl.compression.budget import Budget
from mctl.compression.families import family_of
from mctl.compression.layout import layout_of
from mctl.compression.masks import Masks
from mctl.compression.movement import attach_masks
from mctl.compression.sensitivity import start_from_fisher

_FAINT = range(0, 48, 2)


def started(faint: float = 1e-3) -> tuple[Any, Masks]:
    """A model in which every other FFN row of the first layer, and its first head, hardly reach the logits."""
    model = small_bert()
    first = model.bert.encoder.layer[0]
    first.output.dense.weight.data[:, list(_FAINT)] *= faint
    first.attention.output.dense.weight.data[:, :8] *= faint
    masks = attach_masks(model, family_of(model.config), layout_of(model).head_size)
    batches = [batch(seed=seed) | {"labels": torch.tensor([0, 1, 2])} for seed in range(4)]
    start_from_fisher(model, masks, batches)
    return model, masks


def scores(masks: Masks, group: str) -> torch.Tensor:
    return next(g.scores.detach().flatten() for g in masks.groups if g.name == group)


def test_units_that_hardly_matter_start_last() -> None:
    _, masks = started()
    rows = scores(masks, "ffn.0")
    faint = torch.zeros(48, dtype=torch.bool)
    faint[list(_FAINT)] = True
    assert rows[faint].max() < rows[~faint].min()


def test_scores_are_ranks_over_all_groups() -> None:
    _, masks = started()
    together = torch.cat([group.scores.detach().flatten() for group in masks.groups]).sort().values
    torch.testing.assert_close(together, torch.linspace(0, 1, len(together)), atol=2e-4, rtol=0)


def test_a_head_is_judged_by_its_weights() -> None:
    """Information is divided by what the unit costs: the same gradients rank a head below a row."""
    _, masks = started()
    head, rows = next(g for g in masks.groups if g.kind == "head"), next(g for g in masks.groups if g.kind == "row")
    assert head.weights_per_unit == 16 * rows.weights_per_unit
    assert scores(masks, "attention.0").argmin() == 0 or scores(masks, "attention.0")[0] < 0.5


def test_pruning_from_this_start_moves_the_logits_less_than_the_reverse_order() -> None:
    moved = []
    for sign in (1, -1):
        model, masks = started()
        with torch.no_grad():
            before = model(**batch()).logits
            for group in masks.groups:
                group.scores.mul_(sign)
            masks.set(Budget.of(masks.groups).kept(masks.groups, 0.25))
            moved.append(float((model(**batch()).logits - before).abs().mean()))
    assert moved[0] < 0.5 * moved[1]
