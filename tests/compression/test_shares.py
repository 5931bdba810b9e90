"""What each process gets of an order of texts, and that every parameter takes part in every step."""

from __future__ import annotations

from contextlib import nullcontext
from itertools import islice, product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from models import FAMILIES, batch, small_model

from mctl.compression.batches import EpochLoader, NumberedRows, SharedBatches
from mctl.compression.families import family_of
from mctl.compression.layout import layout_of
from mctl.compression.movement import attach_masks
from mctl.compression.texts import LengthGroupedBatches

SHAPES = {"batch": st.integers(1, 9), "passes": st.integers(1, 4), "processes": st.integers(1, 4)}


def shares(texts: int, batch: int, passes: int, processes: int, epoch: int = 0) -> list[list[list[int]]]:
    """The batches of each process."""
    found = []
    for process in range(processes):
        order = LengthGroupedBatches([1 + index % 13 for index in range(texts)], batch * passes * processes, seed=5)
        batches = SharedBatches(order, batch, passes, processes, process)
        batches.set_epoch(epoch)
        found.append(list(batches))
        assert len(found[-1]) == len(batches)
    return found


@given(texts=st.integers(1, 200), **SHAPES)
def test_every_process_has_as_many_batches_and_none_is_empty_or_too_large(
    texts: int, batch: int, passes: int, processes: int
) -> None:
    found = shares(texts, batch, passes, processes)
    assert len({len(batches) for batches in found}) == 1
    assert all(1 <= len(one) <= batch for batches in found for one in batches)


@given(texts=st.integers(1, 200), **SHAPES)
def test_every_text_comes_once(texts: int, batch: int, passes: int, processes: int) -> None:
    found = shares(texts, batch, passes, processes)
    seen = sorted(number for batches in found for one in batches for number in one)
    assert sorted(set(seen)) == list(range(texts))
    left = texts % (batch * passes * processes)
    pieces = -(-left // (batch * processes)) * processes
    assert len(seen) - texts == max(pieces - left, 0), "only where the last step has fewer texts than pieces"


@given(texts=st.integers(1, 200), **SHAPES)
def test_a_step_has_the_same_texts_however_it_is_cut(texts: int, batch: int, passes: int, processes: int) -> None:
    whole = [set(step) for (step,) in zip(*shares(texts, batch * passes * processes, 1, 1), strict=True)]
    found = shares(texts, batch, passes, processes)
    for number, step in enumerate(whole):
        pieces = [one for batches in found for one in batches[number * passes : (number + 1) * passes]]
        assert set().union(*pieces) == step


def test_the_epoch_reaches_the_order_through_the_loader() -> None:
    rows = NumberedRows([{"input_ids": [1]} for _ in range(40)])
    order = LengthGroupedBatches([1] * 40, 4, seed=2)
    loader = EpochLoader(rows, batch_sampler=SharedBatches(order, 4), collate_fn=list)
    loader.set_epoch(3)
    order.set_epoch(3)
    assert next(iter(order)) == next(iter(next(iter(loader.batch_sampler))))
    loader.set_epoch(4)
    assert order.epoch == 4
    assert list(islice(order, 4)) == next(iter(loader.batch_sampler))


@pytest.mark.parametrize("structure", ["units", "blocks"])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_parameter_gets_a_gradient_in_every_step(family: str, structure: str) -> None:
    """Processes wait for the gradient of every parameter: one that takes no part would have them wait for ever."""
    model = small_model(family).train()
    masks = attach_masks(model, family_of(model.config), layout_of(model).head_size, structure, 4)
    scores = torch.cat([group.scores.detach().flatten() for group in masks.groups])
    for share, together in product((0.0, 0.9), (False, True)):
        masks.set((scores >= scores.quantile(share)).float())
        model.zero_grad()
        inputs = batch(padding=model.config.pad_token_id)
        with masks.one_pass(stacked=True) if together else nullcontext():
            logits = model(**inputs).logits
        logits.logsumexp(-1).sum().backward()
        unused = [name for name, parameter in model.named_parameters() if parameter.grad is None]
        assert unused == []
        assert all(group.scores.grad is not None for group in masks.groups)
