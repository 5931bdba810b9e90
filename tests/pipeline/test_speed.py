"""What a verdict times: as many batches as fit, and the last release beside the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from mctl.pipeline import speed
from mctl.pipeline.speed import RELEASE, time_all
from mctl.progress import Silent
from mctl.recipe import MeasureSettings

TEXTS = [f"text {row}" for row in range(96)]


class Spinning:
    """Stands where a model would: answers after so many products."""

    def __init__(self, products: int) -> None:
        self.products = products

    def opened(self) -> Callable[[Any], np.ndarray]:
        return lambda batch: self._answer(len(batch["texts"]))

    def _answer(self, texts: int) -> np.ndarray:
        matrix = np.ones((64, 64), np.float32)
        for _ in range(self.products):
            matrix @ matrix
        return np.zeros((texts, 2), np.float32)

    def tokens(self, batches: Sequence[Any], texts: Sequence[str]) -> dict[int, Any]:
        return {int(batch["texts"][0]): batch for batch in batches}

    def on(self, tokens: Mapping[int, Any], runner: Any) -> Any:
        return lambda batch: runner(tokens[int(batch["texts"][0])])

    def ready(self, batches: Sequence[Any], texts: Sequence[str]) -> Any:
        return self.on(self.tokens(batches, texts), self.opened())


def timed(**products: int) -> speed.Speed:
    found: Any = {role: Spinning(count) for role, count in products.items()}
    return time_all(found, TEXTS, MeasureSettings(threads=1, repeats=2), lambda _: True, Silent())


def test_slow_models_are_timed_on_fewer_batches_and_the_verdict_says_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = timed(baseline=10, export=5)
    assert quick.measured_with["batches"] == 12
    monkeypatch.setattr(speed, "_seconds_of_one", lambda *_: 10.0)
    slow = timed(baseline=10, export=5)
    assert slow.measured_with["batches"] == 4
    assert slow.latency["export"].samples * 12 == quick.latency["export"].samples * 4


def test_a_release_is_compared_with_and_is_no_participant() -> None:
    found = timed(baseline=40, export=400, **{RELEASE: 100})
    assert set(found.latency) == {"baseline", "export"}
    assert found.slowdown is not None
    assert found.slowdown.low > 2, "four times the work"
    assert found.slowdown.high < 8
    assert timed(baseline=40, export=20).slowdown is None
