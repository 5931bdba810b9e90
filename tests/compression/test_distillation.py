"""The distillation loss against its definition."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mctl.compression.distillation import distillation_loss


def logits(seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    student, teacher = (torch.randn(6, 4, generator=generator, dtype=torch.float64) for _ in range(2))
    return student, teacher, torch.randint(0, 4, (6,), generator=generator)


@given(seed=st.integers(0, 1000), temperature=st.floats(0.5, 8.0), weight=st.floats(0.0, 1.0))
def test_loss_is_what_the_paper_says(seed: int, temperature: float, weight: float) -> None:
    student, teacher, labels = logits(seed)
    p, q = (torch.softmax(values / temperature, 1) for values in (teacher, student))
    divergence = (p * (p / q).log()).sum(1).mean() * temperature**2
    task = -torch.log_softmax(student, 1)[torch.arange(6), labels].mean()
    expected = weight * divergence + (1 - weight) * task
    actual = distillation_loss(student, teacher, labels, temperature=temperature, weight=weight)
    assert float(actual) == pytest.approx(float(expected), rel=1e-3, abs=1e-4)


def test_a_student_that_equals_its_teacher_has_no_distillation_loss() -> None:
    student, _, labels = logits(0)
    assert float(distillation_loss(student, student, labels, temperature=2.0, weight=1.0)) == pytest.approx(0, abs=1e-6)


def test_the_gradient_pulls_towards_the_teacher() -> None:
    student, teacher, labels = logits(1)
    student.requires_grad_(True)
    distillation_loss(student, teacher, labels, temperature=2.0, weight=1.0).backward()
    step = student.detach() - 0.5 * student.grad
    before = distillation_loss(student.detach(), teacher, labels, temperature=2.0, weight=1.0)
    assert distillation_loss(step, teacher, labels, temperature=2.0, weight=1.0) < before
