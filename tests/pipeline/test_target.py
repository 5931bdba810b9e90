"""From a speed-up that is asked for to masks that reach it, on a machine whose times are known exactly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from models import small_bert
from torch import nn

from mctl.compression.budget import Budget
from mctl.compression.counted import LatencyBudget, RoundedBudget
from mctl.compression.families import family_of
from mctl.compression.layout import Layout, layout_of
from mctl.compression.masks import Masks, ScoreGroup, masked_share
from mctl.compression.movement import attach_masks
from mctl.errors import UserError
from mctl.pipeline import latency_table, settle, target, timing
from mctl.pipeline.timing import Place
from mctl.progress import Silent
from mctl.recipe import CompressSettings, MeasureSettings, ModelSettings, Recipe

PLACE = Place("cpu", 2, 16, 1)
LAYERS, HEADS, ROWS = 3, 6, 192


class Machine:
    """A clock that moves on only while a model runs, by a time that depends on its layout."""

    def __init__(self, us: Callable[[Layout], float]) -> None:
        self.us = us
        self.now_ns = 0
        self.exported: list[Layout] = []

    def runner(self, model: Any, names: Any, folder: Path, place: Place) -> Any:
        layout = layout_of(model)
        self.exported.append(layout)

        def run(batch: dict[str, np.ndarray]) -> np.ndarray:
            assert batch["input_ids"].shape == (place.texts, place.tokens)
            self.now_ns += round(1000 * self.us(layout))
            return np.zeros((place.texts, 2), np.float32)

        return run


def linear(layout: Layout) -> float:
    return 500 + 80 * sum(layout.heads) + 3 * sum(layout.ffn)


def bent(layout: Layout) -> float:
    """Far from what a table can hold: attention and FFN hinder each other, and the depth has a price."""
    return 900 + sum(40 * h**1.4 + 1.5 * r + 0.2 * h * r for h, r in zip(layout.heads, layout.ffn, strict=True))


@pytest.fixture
def on_machine(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Layout], float]], Machine]:
    def use(us: Callable[[Layout], float]) -> Machine:
        machine = Machine(us)
        monkeypatch.setattr(latency_table, "exported_runner", machine.runner)
        monkeypatch.setattr(settle, "exported_runner", machine.runner)
        monkeypatch.setattr(Place, "clock_ns", lambda self: lambda: machine.now_ns)
        return machine

    return use


def student() -> Any:
    return small_bert(layers=LAYERS, heads=HEADS, head_size=8, rows=ROWS)


def masked(model: Any) -> Masks:
    masks = attach_masks(model, family_of(model.config), layout_of(model).head_size)
    generator = torch.Generator().manual_seed(5)
    for group in masks.groups:
        group.scores.data.copy_(torch.randn(group.scores.shape, generator=generator))
    return masks


def shop(tmp_path: Path, said: list[str] | None = None, **compress: Any) -> Any:
    """What the stage hands around, as far as a target needs it; the teacher is the student's equal."""
    recipe = Recipe(
        model=ModelSettings(max_length=16),
        compress=CompressSettings(**compress),
        measure=MeasureSettings(threads=1),
    )
    progress = Silent()
    if said is not None:
        progress.say = said.append  # type: ignore[method-assign]
    return SimpleNamespace(recipe=recipe, work=tmp_path, progress=progress, teacher=None)


@pytest.fixture(autouse=True)
def teacher(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (target, settle):
        monkeypatch.setattr(module, "load_classifier", lambda settings: student())


TOKENIZER = SimpleNamespace(model_input_names=["input_ids", "attention_mask"])


def test_the_table_is_that_of_the_machine(on_machine: Any, tmp_path: Path) -> None:
    on_machine(linear)
    model = student()
    layout = layout_of(model)
    names = ("input_ids", "attention_mask")
    measured = latency_table.measure_table(
        model.config, layout, layout, names, 32, PLACE, tmp_path / "timing", Silent()
    )
    assert measured.teacher_us == pytest.approx(linear(layout), rel=1e-3)
    some = Layout((6, 2, 1), (64, 192, 32), layout.head_size, layout.hidden_size)
    assert measured.table.model_us(some.heads, some.ffn) == pytest.approx(linear(some), rel=1e-3)
    facts = measured.as_dict()
    assert max(abs(point["error"]) for point in facts["points"]) < 1e-3
    assert [point["spread"] for point in facts["points"]] == [1.0] * len(facts["points"])


@pytest.mark.parametrize(("heads", "rows", "tile"), [(12, 1536, 32), (1, 20, 32), (2, 64, 32), (3, 100, 64)])
def test_the_models_that_are_timed_tell_heads_from_rows(heads: int, rows: int, tile: int) -> None:
    plan = latency_table.design(heads, rows, tile)
    assert plan.models[0] == (heads, rows)
    assert len(plan.models) <= 5
    assert min(len(plan.heads), len(plan.rows)) >= 2
    assert all(1 <= h <= heads and (r == rows or r % tile == 0) for h, r in plan.models)
    if heads > 1 and rows > tile:
        assert {(1, rows), (heads, min(tile, rows)), (1, min(tile, rows))} <= set(plan.models)


def kept(masks: Masks, kind: str) -> tuple[int, ...]:
    """Units of each layer."""
    return tuple(int(masks.kept(group.name).sum()) for group in masks.groups if group.kind == kind)


@pytest.mark.parametrize("us", [linear, bent])
@pytest.mark.parametrize("asked", [1.3, 2.0, 3.0])
def test_the_export_ends_within_ten_percent(on_machine: Any, tmp_path: Path, us: Any, asked: float) -> None:
    machine = on_machine(us)
    model = student()
    work = shop(tmp_path, target_speedup=asked, round_to=8)
    aim = target.take_aim(work, model, TOKENIZER)
    masks = masked(model)
    facts = settle.settle(work, aim, model, masks)
    left = Layout(tuple(facts["layout"]["heads"]), tuple(facts["layout"]["ffn"]), 8, 48)
    truth = us(layout_of(student())) / us(left)
    assert facts["met"]
    assert facts["asked"] == asked
    assert abs(truth / asked - 1) <= settle.PROMISED
    assert facts["speedup"]["value"] == pytest.approx(truth, rel=1e-3)
    assert all(rows % 8 == 0 for rows in left.ffn)
    # What is said is what the masks hold.
    assert (kept(masks, "head"), kept(masks, "row")) == (left.heads, left.ffn)
    assert machine.exported[-len(facts["attempts"])] != layout_of(student())


def test_a_table_that_is_wrong_is_made_up_for(on_machine: Any, tmp_path: Path) -> None:
    machine = on_machine(linear)
    model = student()
    work = shop(tmp_path, target_speedup=2.0, round_to=8)
    aim = target.take_aim(work, model, TOKENIZER)
    machine.us = lambda layout: 2000 + 80 * sum(layout.heads) + 3 * sum(layout.ffn)
    facts = settle.settle(work, aim, model, masked(model))
    assert len(facts["attempts"]) > 1
    assert abs(facts["attempts"][0]["speedup"]["value"] / 2.0 - 1) > settle.PROMISED
    assert facts["met"]
    assert abs(facts["speedup"]["value"] / 2.0 - 1) <= settle.PROMISED
    off = [abs(attempt["speedup"]["value"] / 2.0 - 1) for attempt in facts["attempts"]]
    assert abs(facts["speedup"]["value"] / 2.0 - 1) == min(off)


def test_nothing_is_measured_twice(on_machine: Any, tmp_path: Path) -> None:
    machine = on_machine(bent)
    model = student()
    work = shop(tmp_path, target_speedup=2.0, round_to=8)
    aim = target.take_aim(work, model, TOKENIZER)
    facts = settle.settle(work, aim, model, masked(model))
    exported = len(machine.exported)
    machine.us = linear
    again = student()
    masks = masked(again)
    assert target.take_aim(work, again, TOKENIZER) == aim
    assert settle.settle(work, aim, again, masks) == facts
    assert len(machine.exported) == exported
    assert list(kept(masks, "head")) == facts["layout"]["heads"]


def test_a_speed_up_beyond_every_layout_tells_the_best_and_its_level(on_machine: Any, tmp_path: Path) -> None:
    on_machine(linear)
    with pytest.raises(UserError) as caught:
        target.take_aim(shop(tmp_path, target_speedup=50.0), student(), TOKENIZER)
    dense = layout_of(student())
    smallest = Layout((1,) * LAYERS, (32,) * LAYERS, dense.head_size, dense.hidden_size)
    message = str(caught.value)
    assert f"{linear(dense) / linear(smallest):.2f} times as fast" in message
    assert f"{smallest.removed_percent(dense):.1f} %" in message
    assert "--target-speedup" in message
    assert "2 texts" not in message
    assert "8 texts of 16 tokens" in message


def test_a_teacher_that_is_slow_already_leaves_the_student_whole(
    on_machine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_machine(linear)
    monkeypatch.setattr(target, "load_classifier", lambda settings: small_bert(layers=9, heads=6, rows=192))
    monkeypatch.setattr(settle, "load_classifier", lambda settings: small_bert(layers=9, heads=6, rows=192))
    model = student()
    work = shop(tmp_path, target_speedup=1.5)
    aim = target.take_aim(work, model, TOKENIZER)
    facts = settle.settle(work, aim, model, masked(model))
    assert facts["layout"] == layout_of(student()).as_dict()
    assert facts["speedup"]["value"] > 2
    assert not facts["met"]


def groups(rows: int) -> list[ScoreGroup]:
    generator = torch.Generator().manual_seed(0)
    made = []
    for layer in range(4):
        made.append(
            ScoreGroup(f"attention.{layer}", "head", nn.Parameter(torch.randn(4, 1, generator=generator)), 4096)
        )
        made.append(ScoreGroup(f"ffn.{layer}", "row", nn.Parameter(torch.randn(rows, generator=generator)), 128))
    return made


@pytest.mark.parametrize(
    ("rows", "settings", "tile", "told"),
    [
        (4096, {}, 32, False),
        (4096, {"on": "cuda"}, 64, False),
        (64, {}, 4, True),
        (4096, {"round_to": 16}, 16, False),
    ],
)
def test_levels_are_rounded_as_far_as_they_can_be(rows: int, settings: Any, tile: int, told: bool) -> None:
    said: list[str] = []
    progress = Silent()
    progress.say = said.append  # type: ignore[method-assign]
    budget = target.rounded(groups(rows), CompressSettings(prune=50, **settings), progress)
    assert isinstance(budget, RoundedBudget)
    assert budget.tile == tile
    assert bool(said) == told
    assert abs(masked_share(groups(rows), budget.kept(groups(rows), 0.5)) - 0.5) <= 0.005


@pytest.mark.parametrize("settings", [{"round_to": 1}, {"structure": "blocks"}])
def test_what_is_not_to_be_rounded_has_the_exact_budget(settings: Any) -> None:
    assert isinstance(target.rounded(groups(64), CompressSettings(**settings), Silent()), Budget)


def test_a_place_that_there_is_not_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = CompressSettings(target_speedup=2, on="cuda")
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CPUExecutionProvider"])
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    target.check_target(CompressSettings(on="cuda"))
    target.check_target(CompressSettings(target_speedup=2))
    with pytest.raises(UserError, match=r"--on cuda.*no CUDA provider"):
        target.check_target(asked)
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CUDAExecutionProvider"])
    target.check_target(asked)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(UserError, match=r"--on cuda.*no GPU"):
        target.check_target(asked)
    with pytest.raises(UserError, match="--structure blocks"):
        target.check_target(CompressSettings(target_speedup=2, structure="blocks"))


def test_the_place_is_as_asked_and_no_longer_than_the_positions() -> None:
    config = student().config  # 64 positions
    recipe = Recipe(model=ModelSettings(max_length=32), measure=MeasureSettings(threads=3))
    assert target.place_of(recipe, config) == Place("cpu", 8, 32, 3)
    asked = recipe.model_copy(update={"compress": CompressSettings(at="1x64")})
    assert target.place_of(asked, config) == Place("cpu", 1, 64, 3)
    long = recipe.model_copy(update={"compress": CompressSettings(at="1x65")})
    with pytest.raises(UserError, match=r"--at.*positions for 64 tokens"):
        target.place_of(long, config)


def test_one_thread_is_timed_by_the_processor_and_more_by_the_wall() -> None:
    assert [Place("cpu", 1, 1, n).clock for n in (1, 2)] == ["processor", "wall"]
    assert Place("cuda", 1, 1, 1).clock == "wall"


def test_an_export_runs_as_the_model_does_and_leaves_no_file(tmp_path: Path) -> None:
    model = latency_table.shaped(student().config, (2, 1, 6), (32, 64, 192))
    assert layout_of(model).as_dict() == {"heads": [2, 1, 6], "ffn": [32, 64, 192]}
    names = ("input_ids", "attention_mask")
    batch = timing.full_batch(PLACE, names, model.config.vocab_size)
    runner = timing.exported_runner(model, names, tmp_path / "timing", PLACE)
    with torch.no_grad():
        expected = model(**{name: torch.from_numpy(values) for name, values in batch.items()}).logits
    assert np.abs(runner(batch) - expected.numpy()).max() < 1e-4
    assert not (tmp_path / "timing").exists()
    results = timing.timed({"only": runner}, batch, PLACE, Silent(), "time")
    assert 9 <= results["only"].samples <= 40


def test_making_models_to_time_uses_up_no_random_numbers() -> None:
    config = student().config
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    latency_table.shaped(config, (1, 1, 1), (32, 32, 32))
    assert torch.equal(torch.rand(1), expected)


def test_the_budget_of_an_aim_is_in_microseconds(on_machine: Any, tmp_path: Path) -> None:
    on_machine(linear)
    aim = target.take_aim(shop(tmp_path, target_speedup=2.0), student(), TOKENIZER)
    dense = linear(layout_of(student()))
    assert isinstance(aim.budget, LatencyBudget)
    assert aim.budget.goal_us == pytest.approx(dense / 2, rel=1e-3)
    assert aim.budget.dense_us == pytest.approx(dense, rel=1e-3)
    assert (aim.budget.tile, aim.names) == (32, ("input_ids", "attention_mask"))
