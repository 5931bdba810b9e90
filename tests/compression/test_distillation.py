"""The losses of a distillation against their definitions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mctl.compression.distillation import distillation_loss, hidden_loss, relation_loss

HEAD_SIZE = 4
few = settings(max_examples=30, deadline=None)


def logits(seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    student, teacher = (torch.randn(6, 4, generator=generator, dtype=torch.float64) for _ in range(2))
    return student, teacher, torch.randint(0, 4, (6,), generator=generator)


@dataclass(frozen=True)
class Pair:
    """Tensors of a student and a teacher for one batch, with a mask whose texts differ in length."""

    student: list[torch.Tensor]
    teacher: list[torch.Tensor]
    mask: torch.Tensor

    def padded(self, more: int) -> Pair:
        """The same texts with `more` columns of padding, which hold large numbers."""

        def wider(tensor: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.pad(tensor, (0, 0, 0, more), value=37.0)

        mask = torch.nn.functional.pad(self.mask, (0, more))
        return Pair([wider(x) for x in self.student], [wider(x) for x in self.teacher], mask)


def pairs(tensors: int, width: int) -> st.SearchStrategy[Pair]:
    """Any lengths from one token on, any contents."""

    def build(lengths: list[int], seed: int) -> Pair:
        generator = torch.Generator().manual_seed(seed)
        shape = (len(lengths), max(lengths), width)
        drawn = [torch.randn(shape, generator=generator) for _ in range(2 * tensors)]
        mask = (torch.arange(shape[1]) < torch.tensor(lengths).unsqueeze(1)).long()
        return Pair(drawn[:tensors], drawn[tensors:], mask)

    return st.builds(build, st.lists(st.integers(1, 7), min_size=1, max_size=4), st.integers(0, 2**16))


hidden_pairs = pairs(2, 6)
# Three heads of queries, keys and values.
relation_pairs = pairs(3, 3 * HEAD_SIZE)
ALL = (0, 1, 2)


@few
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


@few
@given(pair=hidden_pairs)
def test_hidden_loss_is_0_for_equal_states_and_1_for_none(pair: Pair) -> None:
    assert float(hidden_loss(pair.teacher, pair.teacher, pair.mask)) == 0
    nothing = [torch.zeros_like(x) for x in pair.teacher]
    assert float(hidden_loss(nothing, pair.teacher, pair.mask)) == pytest.approx(1)


@few
@given(pair=hidden_pairs, more=st.integers(1, 5))
def test_padding_never_counts_in_hidden_states(pair: Pair, more: int) -> None:
    wide = pair.padded(more)
    # The student's padding is another one than the teacher's.
    student = [x.where(wide.mask.unsqueeze(-1) == 1, -11.0) for x in wide.student]
    expected = hidden_loss(pair.student, pair.teacher, pair.mask)
    torch.testing.assert_close(hidden_loss(student, wide.teacher, wide.mask), expected)


@few
@given(pair=hidden_pairs, scales=st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=2))
def test_hidden_loss_does_not_depend_on_the_scale_of_a_layer(pair: Pair, scales: list[float]) -> None:
    expected = hidden_loss(pair.student, pair.teacher, pair.mask)
    student, teacher = (
        [x * scale for x, scale in zip(side, scales, strict=True)] for side in (pair.student, pair.teacher)
    )
    torch.testing.assert_close(hidden_loss(student, teacher, pair.mask), expected, rtol=1e-4, atol=1e-6)


@few
@given(pair=hidden_pairs)
def test_hidden_loss_is_the_mean_of_its_layers(pair: Pair) -> None:
    one_by_one = [hidden_loss([s], [t], pair.mask) for s, t in zip(pair.student, pair.teacher, strict=True)]
    torch.testing.assert_close(hidden_loss(pair.student, pair.teacher, pair.mask), torch.stack(one_by_one).mean())


def test_more_layers_on_one_side_are_a_mistake() -> None:
    states = torch.ones(1, 2, 3)
    with pytest.raises(ValueError, match="zip"):
        hidden_loss([states], [states, states], torch.ones(1, 2))


def naive_relations(vectors: torch.Tensor, head: int, length: int) -> list[list[float]]:
    """softmax(X X^T / sqrt(d)) of one head of one text, number by number."""
    own = vectors[:length, head * HEAD_SIZE : (head + 1) * HEAD_SIZE].double()
    rows = []
    for query in range(length):
        scores = [float(own[query] @ own[key]) / math.sqrt(HEAD_SIZE) for key in range(length)]
        exponentials = [math.exp(score - max(scores)) for score in scores]
        rows.append([value / sum(exponentials) for value in exponentials])
    return rows


def naive_relation_loss(pair: Pair, heads: Sequence[int]) -> float:
    lengths = pair.mask.sum(1).tolist()
    total = 0.0
    for ours, theirs in zip(pair.student, pair.teacher, strict=True):
        for text, length in enumerate(lengths):
            for own, chosen in enumerate(heads):
                p, q = naive_relations(theirs[text], chosen, length), naive_relations(ours[text], own, length)
                total += sum(a * math.log(a / b) for x, y in zip(p, q, strict=True) for a, b in zip(x, y, strict=True))
    return total / (len(pair.student) * len(heads) * sum(lengths))


@few
@given(pair=relation_pairs, heads=st.lists(st.sampled_from(ALL), min_size=1, max_size=3, unique=True).map(sorted))
def test_relation_loss_equals_a_naive_double_loop_over_the_chosen_heads(pair: Pair, heads: list[int]) -> None:
    student = [x[..., : len(heads) * HEAD_SIZE] for x in pair.student]
    actual = relation_loss(student, pair.teacher, pair.mask, heads, HEAD_SIZE)
    expected = naive_relation_loss(Pair(student, pair.teacher, pair.mask), heads)
    assert float(actual) == pytest.approx(expected, rel=1e-4, abs=1e-5)


@few
@given(pair=relation_pairs, heads=st.lists(st.sampled_from(ALL), min_size=1, max_size=3, unique=True).map(sorted))
def test_a_student_with_some_of_its_teachers_heads_has_no_relation_loss(pair: Pair, heads: list[int]) -> None:
    student = [torch.cat([x[..., h * HEAD_SIZE : (h + 1) * HEAD_SIZE] for h in heads], -1) for x in pair.teacher]
    assert float(relation_loss(student, pair.teacher, pair.mask, heads, HEAD_SIZE)) == pytest.approx(0, abs=1e-6)


@few
@given(pair=relation_pairs, more=st.integers(1, 5))
def test_padding_never_counts_in_relations(pair: Pair, more: int) -> None:
    wide = pair.padded(more)
    student = [x.where(wide.mask.unsqueeze(-1) == 1, -11.0) for x in wide.student]
    expected = relation_loss(pair.student, pair.teacher, pair.mask, ALL, HEAD_SIZE)
    torch.testing.assert_close(relation_loss(student, wide.teacher, wide.mask, ALL, HEAD_SIZE), expected)


def test_one_token_alone_relates_to_itself() -> None:
    vectors = [torch.randn(1, 1, HEAD_SIZE, requires_grad=True) for _ in range(3)]
    loss = relation_loss(vectors, [torch.randn(1, 1, HEAD_SIZE) for _ in range(3)], torch.ones(1, 1), [0], HEAD_SIZE)
    loss.backward()
    assert loss.item() == 0
    assert all(torch.isfinite(x.grad).all() for x in vectors)


@few
@given(pair=relation_pairs)
def test_gradients_reach_the_student_alone_and_no_padding(pair: Pair) -> None:
    for loss_of in (hidden_loss, lambda s, t, m: relation_loss(s, t, m, ALL, HEAD_SIZE)):
        student, teacher = ([x.clone().requires_grad_(True) for x in side] for side in (pair.student, pair.teacher))
        loss_of(student, [x.detach() for x in teacher], pair.mask).backward()
        assert all(x.grad is None for x in teacher)
        for x in student:
            assert torch.isfinite(x.grad).all()
            assert not x.grad[pair.mask == 0].any()


def test_losses_of_half_precision_are_those_of_full_precision() -> None:
    generator = torch.Generator().manual_seed(0)
    student, teacher = ([torch.randn(2, 5, 8, generator=generator).half() for _ in range(3)] for _ in range(2))
    mask = torch.ones(2, 5, dtype=torch.long)
    full = [[x.float() for x in side] for side in (student, teacher)]
    assert torch.equal(hidden_loss(student, teacher, mask), hidden_loss(*full, mask))
    expected = relation_loss(*full, mask, [0, 1], HEAD_SIZE)
    assert torch.equal(relation_loss(student, teacher, mask, [0, 1], HEAD_SIZE), expected)
