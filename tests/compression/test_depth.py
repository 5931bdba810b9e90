"""Which layers stay, and the model that is made of them."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from models import FAMILIES, batch, logits, small_bert, small_config, small_model
from transformers import AutoModelForSequenceClassification

from mctl.compression.depth import evenly_spaced, influences, keep_layers, most_influential
from mctl.compression.families import family_of
from mctl.compression.layout import layout_of


@given(data=st.data(), layers=st.integers(1, 48))
def test_spaced_layers_end_equal_stretches(data: st.DataObject, layers: int) -> None:
    keep = data.draw(st.integers(1, layers))
    chosen = evenly_spaced(layers, keep)
    assert len(chosen) == keep
    assert chosen[-1] == layers - 1
    gaps = [after - before for before, after in zip((-1, *chosen), chosen, strict=False)]
    assert min(gaps) >= 1, "ascending, none twice"
    # Ends are rounded, both of a stretch at the most by a half.
    assert max(gaps) - min(gaps) <= 2
    assert all(abs(gap - layers / keep) <= 1 for gap in gaps)


def test_spaced_layers_are_those_of_the_paper() -> None:
    assert evenly_spaced(12, 4) == (2, 5, 8, 11)
    assert evenly_spaced(5, 5) == (0, 1, 2, 3, 4)


@pytest.mark.parametrize("keep", [0, 7])
def test_more_layers_than_there_are_or_none(keep: int) -> None:
    with pytest.raises(ValueError, match=f"{keep} of 6 layers"):
        evenly_spaced(6, keep)


@given(data=st.data(), influence=st.lists(st.floats(0, 2), min_size=1, max_size=24))
def test_no_layer_that_goes_has_more_influence_than_one_that_stays(data: st.DataObject, influence: list[float]) -> None:
    keep = data.draw(st.integers(1, len(influence)))
    chosen = most_influential(influence, keep)
    assert list(chosen) == sorted(set(chosen))
    assert len(chosen) == keep
    gone = [influence[layer] for layer in range(len(influence)) if layer not in chosen]
    assert min(influence[layer] for layer in chosen) >= max(gone, default=0)


def test_of_layers_with_equal_influence_the_earlier_stay() -> None:
    assert most_influential([0.5, 0.2, 0.5, 0.2, 0.5], 2) == (0, 2)


def with_idle_layer(family: str, idle: int) -> Any:
    """A classifier of four layers, of which one passes its input on."""
    model = small_model(family, layers=4)
    layers = family_of(model.config).layers(model)

    def passes_on(module: torch.nn.Module, positional: tuple[Any, ...], named: dict[str, Any], output: Any) -> Any:
        given = positional[0] if positional else named["hidden_states"]
        return (given, *output[1:]) if isinstance(output, tuple) else given

    layers[idle].register_forward_hook(passes_on, with_kwargs=True)
    return model


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("idle", [0, 2])
def test_a_layer_that_does_nothing_has_no_influence(family: str, idle: int) -> None:
    model = with_idle_layer(family, idle)
    found = influences(model, [batch(padding=model.config.pad_token_id)])
    assert found[idle] == pytest.approx(0, abs=1e-6)
    assert min(found[:idle] + found[idle + 1 :]) > 1e-3


def test_influence_is_one_minus_the_cosine_over_real_tokens() -> None:
    model = small_bert(layers=2)
    inputs = [batch(seed=1), batch(texts=2, length=5, seed=2)]
    found = influences(model, inputs)
    for layer in range(2):
        changes = []
        for one in inputs:
            with torch.no_grad():
                states = model(**one, output_hidden_states=True).hidden_states
            before, after = states[layer], states[layer + 1]
            cosine = (before * after).sum(-1) / (before.norm(dim=-1) * after.norm(dim=-1))
            changes.append((1 - cosine)[one["attention_mask"] == 1])
        assert found[layer] == pytest.approx(float(torch.cat(changes).mean()), rel=1e-4)


def test_influences_leave_no_hook_behind_also_after_an_error() -> None:
    model = small_bert()
    influences(model, [batch()])
    with pytest.raises(IndexError):
        influences(model, [batch() | {"input_ids": torch.full((3, 11), 10**6)}])
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


@settings(max_examples=10, deadline=None)
@given(data=st.data(), family=st.sampled_from(FAMILIES))
def test_a_model_of_some_layers_equals_one_built_by_hand(data: st.DataObject, family: str) -> None:
    whole = small_model(family, layers=4)
    kept = tuple(sorted(data.draw(st.sets(st.integers(0, 3), min_size=1))))
    config = small_config(family, layers=len(kept))
    by_hand = type(whole)(config).eval()
    path = family_of(config).encoder + "."
    state = {}
    for name, tensor in whole.state_dict().items():
        if not name.startswith(path):
            state[name] = tensor
        elif (layer := int(name.removeprefix(path).split(".")[0])) in kept:
            state[name.replace(f"{path}{layer}.", f"{path}{kept.index(layer)}.")] = tensor
    by_hand.load_state_dict(state, strict=True)
    cut = copy.deepcopy(whole)
    keep_layers(cut, kept)
    assert cut.config.num_hidden_layers == len(kept)
    assert len(layout_of(cut).heads) == len(kept)
    assert torch.equal(logits(cut), logits(by_hand))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_model_of_some_layers_saves_and_reloads(family: str, tmp_path: Any) -> None:
    model = small_model(family, layers=4)
    keep_layers(model, (1, 3))
    model.save_pretrained(tmp_path)
    again, loaded = AutoModelForSequenceClassification.from_pretrained(tmp_path, output_loading_info=True)
    assert not loaded["missing_keys"]
    assert not loaded["unexpected_keys"]
    assert torch.equal(logits(again.eval()), logits(model))
