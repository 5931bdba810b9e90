"""What is kept of a forward pass, and that nothing of it stays behind."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from models import FAMILIES, batch, kept_above, small_bert, small_model

from mctl.compression.families import family_of
from mctl.compression.features import Features, Watch, watching
from mctl.compression.layout import layout_of
from mctl.compression.movement import attach_masks

ALL = Watch(hidden=(0, 1), relations=1)


def hooks(model: torch.nn.Module) -> int:
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules())


@torch.no_grad()
def watched(model: Any, watch: Watch, inputs: dict[str, torch.Tensor]) -> Features:
    with watching(model, family_of(model.config), watch) as features:
        model(**inputs)
    return features


@pytest.mark.parametrize("family", FAMILIES)
def test_hidden_states_are_those_that_transformers_returns(family: str) -> None:
    model = small_model(family, layers=3)
    inputs = batch(padding=model.config.pad_token_id)
    with torch.no_grad():
        # The first is the output of the embeddings.
        expected = model(**inputs, output_hidden_states=True).hidden_states[1:]
    found = watched(model, Watch(hidden=(2, 0)), inputs)
    assert found.relations == []
    assert torch.equal(found.hidden[0], expected[2])
    assert torch.equal(found.hidden[1], expected[0])


@pytest.mark.parametrize("family", FAMILIES)
def test_relations_are_the_queries_keys_and_values_of_one_layer(family: str) -> None:
    model = small_model(family)
    inputs = batch(padding=model.config.pad_token_id)
    found = watched(model, ALL, inputs)
    layer = family_of(model.config).layers(model)[1]
    linears = [family_of(model.config).linear(layer, role) for role in ("query", "key", "value")]
    with torch.no_grad():
        expected = [linear(found.hidden[0]) for linear in linears]
    assert len(found.relations) == 3
    for ours, theirs in zip(found.relations, expected, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_queries_keys_and_values_are_seen_under_masks() -> None:
    plain = watched(small_bert(), ALL, batch())
    model = small_bert()
    masks = attach_masks(model, family_of(model.config), layout_of(model).head_size)
    masked = watched(model, ALL, batch())
    for ours, theirs in zip(masked.relations + masked.hidden, plain.relations + plain.hidden, strict=True):
        torch.testing.assert_close(ours, theirs)
    masks.set(kept_above(masks, torch.inf))
    query, _, value = watched(model, ALL, batch()).relations
    assert not value.any(), "the value is what removes a head"
    assert query.any()


def test_what_a_student_is_taught_by_has_gradients() -> None:
    model = small_bert()
    with watching(model, family_of(model.config), ALL) as features:
        model(**batch())
        sum(x.square().sum() for x in (*features.hidden, *features.relations)).backward()
    assert model.bert.encoder.layer[0].output.dense.weight.grad.any()
    assert model.bert.encoder.layer[1].attention.self.key.weight.grad.any()


def test_a_pass_that_is_computed_twice_gives_the_same_gradients() -> None:
    """Gradient checkpointing runs a layer again in the backward pass, hooks included."""
    gradients = []
    for twice in (False, True):
        model = small_bert().train()
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        if twice:
            model.gradient_checkpointing_enable({"use_reentrant": False})
        with watching(model, family_of(model.config), ALL) as features:
            loss = model(**batch()).logits.square().sum()
            (loss + sum(x.square().sum() for x in (*features.hidden, *features.relations))).backward()
        gradients.append([p.grad for p in model.parameters()])
    for plain, checkpointed in zip(*gradients, strict=True):
        torch.testing.assert_close(checkpointed, plain)


def test_every_pass_replaces_the_one_before() -> None:
    model = small_bert()
    first = watched(model, ALL, batch(seed=1))
    with watching(model, family_of(model.config), ALL) as features, torch.no_grad():
        model(**batch(seed=2))
        second = features.hidden[0]
        model(**batch(seed=1))
    assert torch.equal(features.hidden[0], first.hidden[0])
    assert not torch.equal(second, first.hidden[0])


def test_two_watches_of_one_model_do_not_mix() -> None:
    model = small_bert()
    family = family_of(model.config)
    alone = watched(model, ALL, batch())
    with watching(model, family, ALL) as outer:
        with watching(model, family, Watch(hidden=(1,))) as inner, torch.no_grad():
            model(**batch())
        assert torch.equal(inner.hidden[0], alone.hidden[1])
        assert torch.equal(outer.hidden[0], alone.hidden[0])
        with torch.no_grad():
            model(**batch(seed=5))
        assert torch.equal(inner.hidden[0], alone.hidden[1]), "the inner watch has ended"
        assert not torch.equal(outer.hidden[0], alone.hidden[0]), "the outer one goes on"
    assert hooks(model) == 0


def test_no_hook_stays_after_an_error() -> None:
    model = small_bert()
    with pytest.raises(RuntimeError, match="stop"), watching(model, family_of(model.config), ALL):
        assert hooks(model) == 5
        raise RuntimeError("stop")
    assert hooks(model) == 0


def test_a_layer_that_is_not_there_leaves_no_hook() -> None:
    model = small_bert()
    with pytest.raises(IndexError), watching(model, family_of(model.config), Watch(hidden=(0, 2))):
        pass
    assert hooks(model) == 0
