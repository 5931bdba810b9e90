"""Weights that are masked in stacks do what every linear does by itself, in a fraction of the operations."""

from __future__ import annotations

import copy
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Literal
from unittest import mock

import pytest
import torch
from lessons import padder, rows
from models import FAMILIES, batch, kept_above, small_bert, small_model
from torch.utils._python_dispatch import TorchDispatchMode

from mctl.compression.budget import Budget
from mctl.compression.families import family_of
from mctl.compression.layout import layout_of
from mctl.compression.masking import MaskedLinear
from mctl.compression.masks import Masks
from mctl.compression.movement import attach_masks
from mctl.compression.phase import Phase, Pruning
from mctl.compression.stacking import StackedBank
from mctl.compression.trainer import train
from mctl.recipe import TrainingSettings

STRUCTURES = ["units", "blocks"]


def masked(model: Any, structure: str = "units") -> tuple[Any, Masks]:
    """A model under masks with random scores."""
    masks = attach_masks(model, family_of(model.config), layout_of(model).head_size, structure, 8)
    generator = torch.Generator().manual_seed(3)
    for group in masks.groups:
        group.scores.data.copy_(torch.randn(group.scores.shape, generator=generator))
    return model, masks


def gradients(model: Any, masks: Masks, *, stacked: bool, passes: int = 1) -> tuple[torch.Tensor, dict[str, Any]]:
    """Logits of the last of some passes, and all gradients added up."""
    for number in range(passes):
        inputs = batch(seed=number, padding=model.config.pad_token_id)
        with masks.one_pass(stacked=True) if stacked else nullcontext():
            logits = model(**inputs).logits
        logits.square().sum().backward()
    return logits.detach(), {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("passes", [1, 2])
@pytest.mark.parametrize("threshold", [None, 0.0, 0.8])
def test_logits_and_all_gradients_are_those_of_linears_by_themselves(
    family: str, structure: str, passes: int, threshold: float | None
) -> None:
    model, masks = masked(small_model(family), structure)
    if threshold is not None:
        masks.set(kept_above(masks, threshold))
    alone = gradients(model, masks, stacked=False, passes=passes)
    alone = alone[0], {name: gradient.clone() for name, gradient in alone[1].items()}
    model.zero_grad()
    together = gradients(model, masks, stacked=True, passes=passes)
    torch.testing.assert_close(together[0], alone[0], rtol=1e-5, atol=1e-6)
    assert together[1].keys() == alone[1].keys()
    for name, gradient in alone[1].items():
        torch.testing.assert_close(together[1][name], gradient, rtol=1e-4, atol=1e-5, msg=name)
    assert sum(name.startswith("mask_scores.") for name in alone[1]) == len(masks.groups)


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("places", [[], [0], [1], [0, 1]])
@pytest.mark.parametrize("roles", [["value"], ["query"], ["query", "key", "value"], ["attention_output"]])
def test_layers_of_several_sizes_and_linears_without_a_bias(
    structure: str, places: list[int], roles: list[str]
) -> None:
    model = small_bert()
    family = family_of(model.config)
    layer = model.bert.encoder.layer[1]
    layer.intermediate.dense = torch.nn.Linear(32, 24)
    layer.output.dense = torch.nn.Linear(24, 32)
    for place in places:
        for role in roles:
            family.linear(family.layers(model)[place], role).bias = None
    model, masks = masked(model, structure)
    masks.set(kept_above(masks, 0.8))
    alone = gradients(model, masks, stacked=False)
    alone = alone[0], {name: gradient.clone() for name, gradient in alone[1].items()}
    model.zero_grad()
    together = gradients(model, masks, stacked=True)
    torch.testing.assert_close(together[0], alone[0])
    for name, gradient in alone[1].items():
        torch.testing.assert_close(together[1][name], gradient, rtol=1e-4, atol=1e-5, msg=name)


def test_scores_that_do_not_learn_cost_no_movement() -> None:
    model, masks = masked(small_bert())
    counts = []
    for learn in (True, False):
        for group in masks.groups:
            group.scores.requires_grad_(learn)
        model.zero_grad()
        with Operations() as counted:
            gradients(model, masks, stacked=True)
        counts.append(counted.count)
    assert counts[1] <= counts[0] - 10
    assert all(group.scores.grad is None for group in masks.groups)
    assert model.bert.encoder.layer[0].attention.self.value.weight.grad.any()


def test_masks_set_before_the_backward_pass_are_for_the_next_one() -> None:
    model, masks = masked(small_bert())
    found = []
    for again in (False, True):
        masks.set(kept_above(masks, 0.0))
        model.zero_grad()
        with masks.one_pass(stacked=True):
            logits = model(**batch()).logits
        if again:
            masks.set(kept_above(masks, torch.inf))
        logits.square().sum().backward()
        found.append([p.grad.clone() for p in model.parameters() if p.grad is not None])
    for early, late in zip(*found, strict=True):
        assert torch.equal(early, late)


def test_masks_move_to_a_device() -> None:
    _, masks = masked(small_bert())
    masks.set(kept_above(masks, 0.0))
    masks.to("meta")
    assert {masks.kept(group.name).device.type for group in masks.groups} == {"meta"}


def test_after_the_pass_nothing_of_it_is_left() -> None:
    """Weights that were masked before an optimizer's step would be old ones after it."""
    model, masks = masked(small_bert())
    masks.set(kept_above(masks, 0.0))
    linears = [module for module in model.modules() if isinstance(module, MaskedLinear)]
    with masks.one_pass(stacked=True):
        assert all(linear.moment.ready is not None for linear in linears)
    assert all(linear.moment.ready is None for linear in linears)
    with pytest.raises(ZeroDivisionError), masks.one_pass(stacked=True):
        _ = 1 / 0
    assert all(linear.moment.ready is None for linear in linears)


def test_a_cpu_masks_linear_by_linear() -> None:
    _, masks = masked(small_bert())
    with mock.patch.object(StackedBank, "prepare") as prepare, masks.one_pass():
        pass
    prepare.assert_not_called()


def test_a_copy_has_masks_of_its_own() -> None:
    model, masks = masked(small_bert())
    masks.set(kept_above(masks, 0.0))
    with torch.no_grad():
        before = model(**batch()).logits
        copied = copy.deepcopy(model)
        masks.set(kept_above(masks, torch.inf))
        assert torch.equal(copied(**batch()).logits, before)
        assert not torch.allclose(model(**batch()).logits, before)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_masks_are_made_once_and_never_in_a_pass(structure: str) -> None:
    model, masks = masked(small_bert(), structure)
    masks.set(kept_above(masks, 0.0))
    before = [masks.kept(group.name).data_ptr() for group in masks.groups]
    for _ in range(3):
        gradients(model, masks, stacked=True)
        gradients(model, masks, stacked=False)
    assert [masks.kept(group.name).data_ptr() for group in masks.groups] == before


@pytest.mark.parametrize("precision", ["no", "bf16"])
def test_a_training_is_the_same_either_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: Literal["no", "bf16"]
) -> None:
    """Several passes a step, and an evaluation between two epochs."""
    settings = TrainingSettings(
        batch_size=4, gradient_accumulation=2, learning_rate=1e-3, mixed_precision=precision, seed=1
    )
    texts = rows([4, 6, 3, 5] * 6)
    one_pass, results, prepared = Masks.one_pass, [], []
    prepare = StackedBank.prepare
    monkeypatch.setattr(StackedBank, "prepare", lambda bank: (prepared.append(bank), prepare(bank)))
    for together in (False, True):
        monkeypatch.setattr(Masks, "one_pass", lambda self, one=one_pass, how=together: one(self, stacked=how))
        model, masks = masked(small_bert())
        pruning = Pruning(masks, 0.5, 1e-2, Budget.of(masks.groups))
        phase = Phase("test", tmp_path / f"{precision}-{together}", 2)
        train(model, padder(), {"train": texts, "dev": texts}, settings, phase, pruning=pruning)
        results.append(model.state_dict())
        assert bool(prepared) == together
    # Two epochs of three steps of two passes, with evaluations besides, and two banks.
    assert len(prepared) > 2 * 3 * 2 * 2
    for name, alone in results[0].items():
        torch.testing.assert_close(results[1][name], alone, rtol=1e-3, atol=1e-4, msg=name)


class Operations(TorchDispatchMode):
    """Counts operations that compute: on a GPU each is at least one launch."""

    VIEWS = frozenset(
        {"alias", "as_strided", "detach", "expand", "permute", "select", "slice", "split_with_sizes", "t", "transpose"}
        | {"unbind", "unsqueeze", "view", "_unsafe_view", "lift_fresh"}
    )

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += func.name().removeprefix("aten::").partition(".")[0] not in self.VIEWS
        return func(*args, **(kwargs or {}))


def operations(layers: int, structure: str | None) -> int:
    """Of masks, a forward and a backward pass."""
    model = small_bert(layers=layers).train()
    with Operations() as counted:
        if structure is None:
            model(**batch()).logits.sum().backward()
            return counted.count
    model, masks = masked(model, structure)
    budget = Budget.of(masks.groups)
    budget.kept(masks.groups, 0.5)  # What a device has to have is made once.
    with Operations() as counted:
        masks.set(budget.kept(masks.groups, 0.5))
        with masks.one_pass(stacked=True):
            logits = model(**batch()).logits
        logits.sum().backward()
    return counted.count


@pytest.mark.parametrize("structure", STRUCTURES)
def test_more_layers_take_no_more_operations_for_their_masks(structure: str) -> None:
    few, many = (operations(layers, structure) - operations(layers, None) for layers in (2, 6))
    assert few == many
    assert many < 60
