"""Magnitude and random scores: which units go, against brute force."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from lessons import padder, rows
from models import FAMILIES, small_bert, small_model

from mctl.compression.budget import Budget
from mctl.compression.families import family_of
from mctl.compression.layout import layout_of
from mctl.compression.masks import Masks
from mctl.compression.methods import rescoring
from mctl.compression.movement import attach_masks
from mctl.compression.phase import Phase, Pruning
from mctl.compression.trainer import train
from mctl.recipe import TrainingSettings

HEAD, BLOCK = 8, 8
MATRICES = ("query", "key", "value", "attention_output", "ffn_in", "ffn_out")


def masked(model: Any, structure: str = "units", method: str = "magnitude") -> tuple[Masks, Any]:
    """Masks on a model, and what sets their scores."""
    family = family_of(model.config)
    masks = attach_masks(model, family, layout_of(model).head_size, structure, BLOCK)
    return masks, rescoring(method, model, family, masks)


def unequal(model: Any) -> Any:
    """Weights of every size, so that no two units are alike."""
    generator = torch.Generator().manual_seed(1)
    for layer in family_of(model.config).layers(model):
        for parameter in layer.parameters():
            if parameter.ndim == 2:
                for side in (0, 1):
                    shape = [1, 1]
                    shape[side] = parameter.shape[side]
                    parameter.data *= torch.rand(shape, generator=generator) + 0.1
    return model


def weights(model: Any) -> list[dict[str, torch.Tensor]]:
    """The six matrices of every layer."""
    family = family_of(model.config)
    return [
        {role: layer.get_submodule(family.names[role]).weight.detach() for role in MATRICES}
        for layer in family.layers(model)
    ]


def rms(*parts: torch.Tensor) -> float:
    return float(torch.cat([part.flatten().double() for part in parts]).square().mean().sqrt())


def unit_sizes(model: Any) -> dict[tuple[str, int], float]:
    """Root mean square of all weights that go with each unit, by its group and number."""
    found = {}
    for index, layer in enumerate(weights(model)):
        for head in range(layer["query"].shape[0] // HEAD):
            own = slice(head * HEAD, (head + 1) * HEAD)
            parts = [layer[role][own] for role in ("query", "key", "value")]
            found[f"attention.{index}", head] = rms(*parts, layer["attention_output"][:, own])
        for row in range(layer["ffn_in"].shape[0]):
            found[f"ffn.{index}", row] = rms(layer["ffn_in"][row], layer["ffn_out"][:, row])
    return found


def block_sizes(model: Any) -> dict[tuple[str, int], float]:
    found = {}
    for index, layer in enumerate(weights(model)):
        for role, matrix in layer.items():
            down, across = (side // BLOCK for side in matrix.shape)
            for i in range(down):
                for j in range(across):
                    square = matrix[i * BLOCK : (i + 1) * BLOCK, j * BLOCK : (j + 1) * BLOCK]
                    found[f"{role}.{index}", i * across + j] = rms(square)
    return found


def flat_scores(masks: Masks) -> dict[tuple[str, int], float]:
    return {
        (group.name, number): float(score)
        for group in masks.groups
        for number, score in enumerate(group.scores.detach().flatten())
    }


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("structure", ["units", "blocks"])
def test_a_magnitude_is_the_root_mean_square_of_all_that_goes(family: str, structure: str) -> None:
    model = unequal(small_model(family))
    expected = unit_sizes(model) if structure == "units" else block_sizes(model)
    masks, rescore = masked(model, structure)
    rescore()
    actual = flat_scores(masks)
    assert actual.keys() == expected.keys()
    assert actual == {unit: pytest.approx(size, rel=1e-4) for unit, size in expected.items()}


@pytest.mark.parametrize("level", [0.2, 0.6])
def test_the_smallest_blocks_go(level: float) -> None:
    model = unequal(small_bert())
    sizes = block_sizes(model)
    masks, rescore = masked(model, "blocks")
    rescore()
    masks.set(Budget.of(masks.groups).kept(masks.groups, level))
    gone = {
        (group.name, number)
        for group in masks.groups
        for number in (masks.kept(group.name).flatten() == 0).nonzero().flatten().tolist()
    }
    assert gone == set(sorted(sizes, key=sizes.__getitem__)[: round(level * len(sizes))])


def test_of_each_kind_the_smallest_units_go() -> None:
    model = unequal(small_bert())
    sizes = unit_sizes(model)
    masks, rescore = masked(model)
    rescore()
    masks.set(Budget.of(masks.groups).kept(masks.groups, 0.4))
    for kind in ("attention", "ffn"):
        kept = {(g.name, int(n)): bool(m) for g in masks.groups for n, m in enumerate(masks.kept(g.name).flatten())}
        ours = {unit: stays for unit, stays in kept.items() if unit[0].startswith(kind)}
        # The best unit of a place stays however small it is.
        best = {max((u for u in ours if u[0] == place), key=sizes.__getitem__) for place in {u[0] for u in ours}}
        gone = [sizes[unit] for unit, stays in ours.items() if not stays]
        assert gone
        assert max(gone) <= min(sizes[unit] for unit, stays in ours.items() if stays and unit not in best)


def test_magnitudes_are_those_of_the_moment() -> None:
    model = small_bert()
    masks, rescore = masked(model)
    rescore()
    before = flat_scores(masks)
    model.bert.encoder.layer[0].output.dense.weight.data[:, 3] *= 10
    rescore()
    after = flat_scores(masks)
    assert {unit for unit in before if before[unit] != after[unit]} == {("ffn.0", 3)}


def test_random_scores_are_drawn_once_from_the_seed() -> None:
    drawn = []
    for seed in (1, 1, 2):
        model = small_bert()
        torch.manual_seed(seed)
        masks, rescore = masked(model, method="random")
        assert rescore is None
        drawn.append(flat_scores(masks))
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]
    values = torch.tensor(list(drawn[0].values()))
    assert 0 <= values.min() < 0.1
    assert 0.9 < values.max() < 1
    assert abs(float(values.mean()) - 0.5) < 0.1


def test_there_is_no_other_method() -> None:
    with pytest.raises(ValueError, match="no such method: fisher"):
        masked(small_bert(), method="fisher")


@pytest.mark.parametrize("structure", ["units", "blocks"])
@pytest.mark.parametrize("method", ["magnitude", "random"])
def test_scores_do_not_learn(tmp_path: Any, method: str, structure: str) -> None:
    model = small_bert()
    texts = rows([4, 6, 3, 5] * 4)
    masks, rescore = masked(model, structure, method)
    before = flat_scores(masks)
    frozen = small_bert().bert.encoder.layer[0].intermediate.dense.weight
    settings = TrainingSettings(batch_size=4, learning_rate=1e-3)
    pruning = Pruning(masks, 0.5, 1.0, Budget.of(masks.groups), rescore)
    train(
        model,
        padder(),
        {"train": texts, "dev": texts},
        settings,
        Phase("test", tmp_path, 1),
        pruning=pruning,
    )
    assert not torch.equal(model.bert.encoder.layer[0].intermediate.dense.weight, frozen)
    assert all(group.scores.grad is None for group in masks.groups)
    assert masks.masked_share() == pytest.approx(0.5, abs=0.02)
    if method == "random":
        assert flat_scores(masks) == before
    else:
        after = flat_scores(masks)
        expected = unit_sizes(model) if structure == "units" else block_sizes(model)
        assert after == {unit: pytest.approx(size, rel=1e-4) for unit, size in expected.items()}
