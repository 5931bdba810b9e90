"""How long energy is measured, and over which texts."""

from __future__ import annotations

import time

import numpy as np
import pytest

from mctl.pipeline.energy import energies, fitting, prepared, turn_seconds
from mctl.recipe import MeasureSettings

TURNS = 4


def batch(number: int) -> dict[str, np.ndarray]:
    return {"texts": np.arange(3) + number}


@pytest.mark.parametrize("run_seconds", [40.0, 60.0, 200.0])
def test_all_turns_together_take_a_tenth_of_the_run_at_most(run_seconds: float) -> None:
    turn = turn_seconds(MeasureSettings(), 3, run_seconds)
    assert 0.05 * run_seconds < TURNS * (3 + 1) * (1.25 * turn + 0.03) <= 0.1 * run_seconds


def test_turns_are_never_too_short_to_see_anything_nor_longer_than_it_takes() -> None:
    assert turn_seconds(MeasureSettings(), 3, 1.0) == 0.1
    assert turn_seconds(MeasureSettings(), 3, 1e5) == 1.0


def test_what_the_user_says_is_how_long_it_takes() -> None:
    assert turn_seconds(MeasureSettings(energy_seconds=6.0), 3, 1.0) == 1.5


def test_batches_are_as_many_as_fit_twice_and_from_all_over() -> None:
    batches = [batch(number) for number in range(12)]

    def chosen(turn: float, call_seconds: float) -> list[int]:
        return [int(one["texts"][0]) for one in fitting(batches, turn, call_seconds)]

    assert chosen(1.0, 0.125) == [0, 3, 6, 9]
    assert chosen(0.1, 5.0) == [0, 6]
    assert chosen(1.0, 1e-4) == list(range(12))
    assert len(fitting(batches[:1], 1.0, 5.0)) == 1


def test_a_slow_model_does_not_make_energy_take_for_ever() -> None:
    calls = []

    def slow(one: dict[str, np.ndarray]) -> np.ndarray:
        calls.append(int(one["texts"][0]))
        time.sleep(0.05)
        return np.zeros((3, 2))

    settings = MeasureSettings(batches=12)
    found = energies(
        {"slow": slow}, [batch(number) for number in range(12)], settings, run_seconds=1.0, call_seconds=0.05
    )
    assert set(calls) == {0, 6}
    assert found["slow"].seconds < 4 * 0.3
    assert (found["slow"].turns, found["slow"].texts) == (TURNS, 3 * len(calls))


def test_meters_are_looked_for_beside_other_work_and_only_if_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = []
    monkeypatch.setattr("mctl.validators.charge.has_counters", lambda: time.sleep(0.2) or looked.append(1))
    started = time.perf_counter()
    ready = prepared(MeasureSettings())
    assert time.perf_counter() - started < 0.15
    ready()
    assert looked == [1]
    prepared(MeasureSettings(emissions=False))()
    assert looked == [1]
