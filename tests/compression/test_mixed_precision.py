"""What is said of a number format before anything is trained in it."""

from __future__ import annotations

import pytest
import torch

from mctl.compression import mixed_precision
from mctl.compression.mixed_precision import bf16_slowdown, say_if_slower
from mctl.progress import Silent


class Listening(Silent):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, message: str) -> None:
        self.said.append(message)


def said_of(precision: str) -> list[str]:
    listening = Listening()
    say_if_slower(precision, listening)
    return listening.said


@pytest.fixture
def on_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)


@pytest.mark.usefixtures("on_a_cpu")
@pytest.mark.parametrize(("factor", "said"), [(0.6, 0), (1.4, 0), (1.6, 1), (54.2, 1)])
def test_a_loss_is_said_and_a_gain_is_not(monkeypatch: pytest.MonkeyPatch, factor: float, said: int) -> None:
    monkeypatch.setattr(mixed_precision, "bf16_slowdown", lambda: factor)
    assert len(said_of("bf16")) == said
    assert all(f"{factor:.0f} times" in sentence for sentence in said_of("bf16"))
    assert not said_of("no")


def test_an_accelerator_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(mixed_precision, "bf16_slowdown", lambda: pytest.fail("it was timed"))
    assert not said_of("bf16")


def test_the_factor_is_that_of_the_products(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against products that take as long as their formats say, told by a clock of their own."""
    now = 0.0

    def product(left: torch.Tensor, right: torch.Tensor) -> None:
        nonlocal now
        now += 12.0 if left.dtype == right.dtype == torch.bfloat16 else 4.0

    monkeypatch.setattr(torch, "mm", product)
    monkeypatch.setattr(mixed_precision.time, "perf_counter", lambda: now)
    assert bf16_slowdown() == 3.0
