"""All masks of a pass at once do what every linear does by itself, in a fraction of the operations."""

from __future__ import annotations

import copy
from contextlib import nullcontext
from typing import Any
from unittest import mock

import pytest
import torch
from models import FAMILIES, batch, kept_above, small_bert, small_model
from torch.utils._python_dispatch import TorchDispatchMode

from mctl.compression.budget import Budget
from mctl.compression.families import family_of
from mctl.compression.layout import layout_of
from mctl.compression.masking import MaskedLinear
from mctl.compression.masks import Masks
from mctl.compression.movement import attach_masks
from mctl.compression.together import Team

STRUCTURES = ["units", "blocks"]


def masked(model: Any, structure: str = "units") -> tuple[Any, Masks]:
    """A model under masks with random scores."""
    masks = attach_masks(model, family_of(model.config), layout_of(model).head_size, structure, 8)
    generator = torch.Generator().manual_seed(3)
    for group in masks.groups:
        group.scores.data.copy_(torch.randn(group.scores.shape, generator=generator))
    return model, masks


def gradients(model: Any, masks: Masks, *, together: bool, passes: int = 1) -> tuple[torch.Tensor, dict[str, Any]]:
    """Logits of the last of some passes, and all gradients added up."""
    for number in range(passes):
        inputs = batch(seed=number, padding=model.config.pad_token_id)
        with masks.one_pass(together=True) if together else nullcontext():
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
    alone = gradients(model, masks, together=False, passes=passes)
    alone = alone[0], {name: gradient.clone() for name, gradient in alone[1].items()}
    model.zero_grad()
    together = gradients(model, masks, together=True, passes=passes)
    torch.testing.assert_close(together[0], alone[0], rtol=1e-5, atol=1e-6)
    assert together[1].keys() == alone[1].keys()
    for name, gradient in alone[1].items():
        torch.testing.assert_close(together[1][name], gradient, rtol=1e-4, atol=1e-5, msg=name)
    assert sum(name.startswith("mask_scores.") for name in alone[1]) == len(masks.groups)


def test_layers_of_several_sizes_and_linears_without_a_bias() -> None:
    model = small_bert()
    layer = model.bert.encoder.layer[1]
    layer.intermediate.dense = torch.nn.Linear(32, 20)
    layer.output.dense = torch.nn.Linear(20, 32)
    for linear in (x.attention.self.value for x in model.bert.encoder.layer):
        linear.bias = None
    model, masks = masked(model)
    masks.set(kept_above(masks, 0.0))
    assert [group.scores.numel() for group in masks.groups] == [4, 4, 20, 48]
    alone = gradients(model, masks, together=False)
    alone = alone[0], {name: gradient.clone() for name, gradient in alone[1].items()}
    model.zero_grad()
    together = gradients(model, masks, together=True)
    torch.testing.assert_close(together[0], alone[0])
    for name, gradient in alone[1].items():
        torch.testing.assert_close(together[1][name], gradient, rtol=1e-4, atol=1e-5, msg=name)


def test_scores_that_do_not_learn_cost_no_movement() -> None:
    model, masks = masked(small_bert())
    for group in masks.groups:
        group.scores.requires_grad_(False)
    with mock.patch("torch._foreach_mul", side_effect=AssertionError):
        gradients(model, masks, together=True)
    assert all(group.scores.grad is None for group in masks.groups)
    assert model.bert.encoder.layer[0].attention.self.value.weight.grad.any()


def test_after_the_pass_nothing_of_it_is_left() -> None:
    """Weights that were masked before an optimizer's step would be old ones after it."""
    model, masks = masked(small_bert())
    masks.set(kept_above(masks, 0.0))
    linears = [module for module in model.modules() if isinstance(module, MaskedLinear)]
    with masks.one_pass(together=True):
        assert all(linear.moment.ready is not None for linear in linears)
    assert all(linear.moment.ready is None for linear in linears)
    with pytest.raises(ZeroDivisionError), masks.one_pass(together=True):
        _ = 1 / 0
    assert all(linear.moment.ready is None for linear in linears)


def test_a_cpu_masks_linear_by_linear() -> None:
    _, masks = masked(small_bert())
    with mock.patch.object(Team, "prepare") as prepare, masks.one_pass():
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
        gradients(model, masks, together=True)
        gradients(model, masks, together=False)
    assert [masks.kept(group.name).data_ptr() for group in masks.groups] == before


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
    with Operations() as counted:
        masks.set(budget.kept(masks.groups, 0.5))
        with masks.one_pass(together=True):
            logits = model(**batch()).logits
        logits.sum().backward()
    return counted.count


@pytest.mark.parametrize("structure", STRUCTURES)
def test_more_layers_take_no_more_operations_for_their_masks(structure: str) -> None:
    few, many = (operations(layers, structure) - operations(layers, None) for layers in (2, 6))
    assert few == many
    assert many < 60
