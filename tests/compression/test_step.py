"""A step under masks does not wait for the device."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from typing import Any

import pytest
import torch
from models import batch, small_model
from torch.utils._python_dispatch import TorchDispatchMode

from mctl.compression.budget import Budget
from mctl.compression.counted import RoundedBudget
from mctl.compression.families import family_of
from mctl.compression.layout import layout_of
from mctl.compression.movement import attach_masks

FETCHES = {"aten::_local_scalar_dense", "aten::nonzero", "aten::masked_select", "aten::equal"}


class Fetches(TorchDispatchMode):
    """Operations whose result, or its shape, the host has to know before it goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.name().partition(".")[0]
        by_mask = name == "aten::index" and any(x is not None and x.dtype == torch.bool for x in args[1])
        if by_mask or name in FETCHES:
            self.names.append(name)
        return func(*args, **(kwargs or {}))


def fetches(model: Any, before: Any, around: Any = nullcontext) -> list[str]:
    with Fetches() as found:
        before()
        with around():
            logits = model(**batch()).logits
        logits.logsumexp(-1).sum().backward()
    return found.names


@pytest.mark.parametrize("structure", ["units", "blocks"])
@pytest.mark.parametrize("level", [0.0, 0.6])
@pytest.mark.parametrize("together", [False, True])
def test_masks_fetch_nothing(structure: str, level: float, together: bool) -> None:
    plain = fetches(small_model("bert").train(), lambda: None)
    model = small_model("bert").train()
    masks = attach_masks(model, family_of(model.config), layout_of(model).head_size, structure, 8)
    budget = Budget.of(masks.groups)
    around = partial(masks.one_pass, stacked=together)
    assert fetches(model, lambda: masks.set(budget.kept(masks.groups, level)), around) == plain
    assert masks.masked_share() == pytest.approx(level, abs=0.02)


def test_widths_in_tiles_fetch_nothing() -> None:
    plain = fetches(small_model("bert").train(), lambda: None)
    model = small_model("bert", rows=512).train()
    masks = attach_masks(model, family_of(model.config), layout_of(model).head_size)
    budget = RoundedBudget.of(masks.groups, 8, 0.6)
    assert budget.tile > 1
    assert fetches(model, lambda: masks.set(budget.kept(masks.groups, 0.6))) == plain


def test_a_number_fetched_is_noticed() -> None:
    model = small_model("bert").train()
    assert "aten::_local_scalar_dense" in fetches(model, lambda: torch.ones(3)[torch.tensor(1)])
    assert "aten::index" in fetches(model, lambda: torch.ones(3)[torch.tensor([True, False, True])])
