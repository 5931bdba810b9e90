"""The algebra of the strip: masked equals stripped equals reloaded, for any layout of every family."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from layouts import kept_units, zeroed
from models import FAMILIES, batch, logits, reloaded, small_bert, small_model

from mctl.compression.budget import Budget
from mctl.compression.families import family_of
from mctl.compression.layout import layout_of
from mctl.compression.movement import attach_masks, bake_masks
from mctl.compression.strip import Kept, live_units, strip


def pruned_pair(model: Any, level: float, seed: int, structure: str = "units", block: int = 8) -> tuple[Any, Any]:
    """A masked model and its stripped twin, at random scores."""
    family = family_of(model.config)
    masks = attach_masks(model, family, layout_of(model).head_size, structure, block)
    generator = torch.Generator().manual_seed(seed)
    for group in masks.groups:
        group.scores.data.copy_(torch.randn(group.scores.shape, generator=generator))
    masks.set(Budget.of(masks.groups).kept(masks.groups, level))
    baked = copy.deepcopy(model)
    bake_masks(baked, family)
    return model, strip(baked, live_units(baked))


def padded(model: Any, length: int, seed: int) -> dict[str, torch.Tensor]:
    """A batch that is padded as the model wants it."""
    return batch(length=length, seed=seed, padding=model.config.pad_token_id)


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=20, deadline=None)
@given(
    layers=st.integers(1, 3),
    heads=st.integers(1, 5),
    rows=st.integers(1, 40),
    level=st.floats(0.0, 1.0),
    seed=st.integers(0, 2**16),
    length=st.integers(3, 20),
)
def test_masked_equals_stripped(
    family: str, layers: int, heads: int, rows: int, level: float, seed: int, length: int
) -> None:
    model = small_model(family, layers=layers, heads=heads, rows=rows, seed=seed)
    masked, stripped = pruned_pair(model, level, seed)
    inputs = padded(model, length, seed)
    torch.testing.assert_close(logits(stripped, inputs), logits(masked, inputs), atol=1e-5, rtol=0)


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=8, deadline=None)
@given(level=st.floats(0.0, 1.0), seed=st.integers(0, 2**16), block=st.sampled_from([4, 8, 16]))
def test_masked_blocks_equal_stripped(family: str, level: float, seed: int, block: int) -> None:
    masked, stripped = pruned_pair(small_model(family, seed=seed), level, seed, "blocks", block)
    torch.testing.assert_close(logits(stripped), logits(masked), atol=1e-5, rtol=0)


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=10, deadline=None)
@given(data=st.data(), layers=st.integers(1, 3), seed=st.integers(0, 2**16), length=st.integers(3, 20))
def test_any_units_can_stay_and_a_reload_is_identical(
    family: str, data: st.DataObject, layers: int, seed: int, length: int, tmp_path_factory: Any
) -> None:
    model = small_model(family, layers=layers, seed=seed)
    kept = data.draw(kept_units(layers, heads=4, rows=48))
    stripped = strip(model, kept)
    inputs = padded(model, length, seed)
    torch.testing.assert_close(logits(stripped, inputs), logits(zeroed(model, kept), inputs), atol=1e-5, rtol=0)
    folder = tmp_path_factory.mktemp("reload")
    stripped.save_pretrained(folder)
    again = reloaded(folder)
    assert torch.equal(logits(again, inputs), logits(stripped, inputs))
    assert layout_of(again).heads == tuple(len(heads) for heads in kept.heads)
    assert layout_of(again).ffn == tuple(len(rows) for rows in kept.rows)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_layer_with_one_head_and_one_row_works(family: str, tmp_path: Path) -> None:
    masked, stripped = pruned_pair(small_model(family, layers=3), 1.0, seed=5)
    assert layout_of(stripped).heads == (1, 1, 1)
    assert layout_of(stripped).ffn == (1, 1, 1)
    torch.testing.assert_close(logits(stripped), logits(masked), atol=1e-5, rtol=0)
    stripped.save_pretrained(tmp_path)
    assert torch.equal(logits(reloaded(tmp_path)), logits(stripped))


@pytest.mark.parametrize("family", FAMILIES)
def test_stripping_twice_is_stripping_once_more(family: str) -> None:
    model = small_model(family)
    once = strip(model, Kept(((0, 2, 3), (1, 3)), (tuple(range(0, 48, 2)), tuple(range(20)))))
    masked, twice = pruned_pair(once, 0.5, seed=9)
    torch.testing.assert_close(logits(twice), logits(masked), atol=1e-5, rtol=0)
    assert layout_of(twice).weights < layout_of(once).weights < layout_of(model).weights


@pytest.mark.parametrize("family", FAMILIES)
def test_strip_leaves_the_source_alone_and_keeps_training_state_and_frozen_parameters(family: str) -> None:
    model = small_model(family).train()
    for module in family_of(model.config).embedding_modules(model):
        module.requires_grad_(False)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    stripped = strip(model, Kept(((0,), (1, 2)), ((0, 1), (2, 3, 4))))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert stripped.training
    assert not stripped.base_model.embeddings.word_embeddings.weight.requires_grad
    assert all(parameter.requires_grad for parameter in stripped.classifier.parameters())


@pytest.mark.parametrize("dead", ["value", "output"])
def test_a_head_is_dead_when_it_cannot_reach_the_output(dead: str) -> None:
    model = small_bert()
    attention = model.bert.encoder.layer[0].attention
    with torch.no_grad():
        if dead == "value":
            attention.self.value.weight[8:16] = 0
            attention.self.value.bias[8:16] = 0
        else:
            attention.output.dense.weight[:, 8:16] = 0
    expected = logits(model)
    kept = live_units(model)
    assert kept.heads == ((0, 2, 3), (0, 1, 2, 3))
    torch.testing.assert_close(logits(strip(model, kept)), expected, atol=1e-5, rtol=0)


def test_a_row_with_a_bias_is_alive() -> None:
    model = small_bert()
    with torch.no_grad():
        model.bert.encoder.layer[0].intermediate.dense.weight[5] = 0
    assert 5 in live_units(model).rows[0]
