"""The order of batches: the same for a seed and an epoch, whatever happened before."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mctl.compression.texts import LengthGroupedBatches


@given(
    lengths=st.lists(st.integers(1, 60), min_size=1, max_size=300),
    batch_size=st.integers(1, 40),
    epoch=st.integers(0, 9),
)
def test_every_text_comes_once(lengths: list[int], batch_size: int, epoch: int) -> None:
    sampler = LengthGroupedBatches(lengths, batch_size, seed=3)
    sampler.set_epoch(epoch)
    assert sorted(sampler) == list(range(len(lengths)))
    assert len(sampler) == len(lengths)


def test_epochs_differ_and_come_back() -> None:
    sampler = LengthGroupedBatches(list(range(1, 200)), 8, seed=3)
    orders = []
    for epoch in (0, 1, 0):
        sampler.set_epoch(epoch)
        orders.append(list(sampler))
    assert orders[0] == orders[2] != orders[1]
    assert list(LengthGroupedBatches(list(range(1, 200)), 8, seed=4)) != orders[0]


def test_batches_need_less_padding_than_in_a_random_order() -> None:
    import random

    lengths = [random.Random(i).randint(1, 100) for i in range(1000)]

    def padding(order: list[int]) -> int:
        batches = [order[start : start + 10] for start in range(0, len(order), 10)]
        return sum(max(lengths[i] for i in batch) * len(batch) - sum(lengths[i] for i in batch) for batch in batches)

    grouped = padding(list(LengthGroupedBatches(lengths, 10, seed=0)))
    shuffled = padding(random.Random(0).sample(range(1000), 1000))
    assert grouped < shuffled / 5


def test_the_longest_batch_comes_first() -> None:
    lengths = [5] * 64 + [90] * 8 + [7] * 64
    first = list(LengthGroupedBatches(lengths, 8, seed=1))[:8]
    assert max(lengths[i] for i in first) == 90
