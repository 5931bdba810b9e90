"""Masks, budget and strip where training happens on a GPU and the strip on the CPU."""

from __future__ import annotations

from contextlib import nullcontext

import datasets
import pytest
import torch
from models import batch, small_bert
from transformers import BatchEncoding

from mctl.compression.budget import Budget
from mctl.compression.counted import RoundedBudget
from mctl.compression.families import family_of
from mctl.compression.layout import layout_of
from mctl.compression.movement import attach_masks
from mctl.compression.stripping import strip_masked

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]


class Padder:
    """The one method of a tokenizer that the strip's check calls; all texts here have one length."""

    def pad(self, rows: list[dict[str, list[int]]], return_tensors: str) -> BatchEncoding:
        return BatchEncoding({name: [row[name] for row in rows] for name in rows[0]}, tensor_type=return_tensors)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("structure", ["units", "blocks"])
def test_masked_on_a_device_and_stripped(device: str, structure: str) -> None:
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("no GPU at hand")
    model = small_bert()
    before = layout_of(model)
    masks = attach_masks(model, family_of(model.config), before.head_size, structure, 8)
    model.to(device)
    for group in masks.groups:
        group.scores.data.normal_()
        assert group.scores.device.type == device
    masks.set(Budget.of(masks.groups).kept(masks.groups, 0.5))
    ids = [[5, 6, 7, 8], [9, 10, 11, 12]]
    rows = datasets.Dataset.from_dict({"input_ids": ids, "attention_mask": [[1] * 4] * 2, "labels": [0, 1]})
    stripped = strip_masked(model, masks, rows, Padder())
    assert stripped.max_abs_logit_diff <= 1e-5
    assert stripped.masked_percent == pytest.approx(50, abs=0.5)
    if structure == "units":
        assert stripped.removed_percent == pytest.approx(50, abs=0.5)
    else:
        assert stripped.removed_percent < stripped.masked_percent


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("structure", ["units", "blocks"])
def test_all_masks_at_once_on_a_device(device: str, structure: str) -> None:
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("no GPU at hand")
    model = small_bert().to(device)
    masks = attach_masks(model, family_of(model.config), layout_of(model).head_size, structure, 8)
    for group in masks.groups:
        group.scores.data.normal_()
    masks.set(Budget.of(masks.groups).kept(masks.groups, 0.5))
    inputs = {name: tensor.to(device) for name, tensor in batch().items()}
    found = []
    for together in (False, True):
        model.zero_grad()
        with masks.one_pass(stacked=True) if together else nullcontext():
            logits = model(**inputs).logits
        logits.square().sum().backward()
        found.append([logits.detach(), *(p.grad.clone() for p in model.parameters() if p.grad is not None)])
    for together, alone in zip(*found, strict=True):
        torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("tile", [1, 8])
def test_a_budget_is_the_same_on_a_device(device: str, tile: int) -> None:
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("no GPU at hand")
    model = small_bert(rows=512)
    masks = attach_masks(model, family_of(model.config), layout_of(model).head_size)
    for group in masks.groups:
        group.scores.data.normal_()
    budget = RoundedBudget.of(masks.groups, tile, 0.5)
    here = budget.kept(masks.groups, 0.5)
    model.to(device)
    there = budget.kept(masks.groups, 0.5)
    assert there.device.type == device
    assert torch.equal(there.cpu(), here)
