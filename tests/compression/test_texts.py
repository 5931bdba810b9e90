"""Texts as token ids on disk; and the order of batches: the same for a seed and an epoch, whatever happened before."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from disk import files_of_at_most
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer, BatchEncoding

from mctl.compression.texts import LengthGroupedBatches, token_lengths, tokenized
from mctl.data.stored import TextWriter
from mctl.samples import headlines

TEXTS = [text for text, _ in headlines(3, 1200)]
LABELS = [number % 7 for number in range(len(TEXTS))]


@pytest.fixture(scope="module")
def tokenizer(sample: Path) -> Any:
    """The tokenizer of the sample."""
    return AutoTokenizer.from_pretrained(sample / "encoder")


class WithoutEncodings:
    """Tokenizes as one that is written in Python does: what is cut off is not told."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer

    def __call__(self, *arguments: Any, **options: Any) -> BatchEncoding:
        return BatchEncoding(dict(self.tokenizer(*arguments, **options)))


@pytest.mark.parametrize("max_length", [8, 12, 64])
@pytest.mark.parametrize("wrap", [lambda it: it, WithoutEncodings], ids=["rust", "python"])
def test_tokens_are_the_tokenizers_and_what_is_cut_is_counted(
    tokenizer: Any, wrap: Any, max_length: int, tmp_path: Path
) -> None:
    found = tokenized(wrap(tokenizer), TEXTS, LABELS, max_length, tmp_path)
    expected = dict(tokenizer(TEXTS, truncation=True, max_length=max_length))
    assert found.rows[:] == {"labels": LABELS, **expected}
    whole = [len(ids) for ids in tokenizer(TEXTS, verbose=False)["input_ids"]]
    assert found.cut == sum(length > max_length for length in whole)
    assert (found.cut > 0) == (max_length < 64)
    assert token_lengths(found.rows).tolist() == [min(length, max_length) for length in whole]


def test_tokens_lie_in_a_file_that_has_no_name(tokenizer: Any, tmp_path: Path) -> None:
    rows = tokenized(tokenizer, TEXTS, LABELS, 32, tmp_path).rows
    assert list(tmp_path.iterdir()) == []
    assert f"{tmp_path}/tokens-" in Path("/proc/self/maps").read_text()
    assert rows[[7, 3]]["input_ids"] == tokenizer([TEXTS[7], TEXTS[3]])["input_ids"]


def test_texts_of_a_file_and_no_labels(tokenizer: Any) -> None:
    import pyarrow as pa

    writer = TextWriter()
    writer.write(pa.array(TEXTS, pa.large_string()))
    texts = writer.finish()
    assert tokenized(tokenizer, texts[5:], None, 32).rows[:] == dict(tokenizer(TEXTS[5:]))


def test_lengths_of_chosen_rows(tokenizer: Any) -> None:
    rows = tokenized(tokenizer, TEXTS, None, 32).rows.select([9, 4, 4, 1100])
    assert token_lengths(rows).tolist() == [len(tokenizer(TEXTS[number])["input_ids"]) for number in (9, 4, 4, 1100)]


def test_a_full_disk_leaves_nothing_behind(tokenizer: Any, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="too large") as caught, files_of_at_most(10_000):
        tokenized(tokenizer, TEXTS, LABELS, 32, tmp_path)
    assert caught.value.errno == errno.EFBIG, "what the command line explains"
    assert list(tmp_path.iterdir()) == []


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


def test_the_order_is_what_it_was() -> None:
    """A run that was begun by another version goes on with the same batches."""
    lengths = np.array([(7 * number) % 23 + 1 for number in range(50)], np.int32)
    sampler = LengthGroupedBatches(lengths, 8, seed=3)
    sampler.set_epoch(2)
    assert list(sampler) == [
        36,
        13,
        26,
        49,
        3,
        39,
        16,
        6,
        40,
        30,
        7,
        43,
        20,
        10,
        33,
        46,
        18,
        41,
        31,
        8,
        44,
        21,
        34,
        11,
        12,
        2,
        48,
        25,
        38,
        15,
        5,
        28,
        24,
        47,
        1,
        14,
        37,
        4,
        27,
        17,
        29,
        19,
        42,
        9,
        32,
        22,
        45,
        35,
        0,
        23,
    ]
    assert list(LengthGroupedBatches(lengths.tolist(), 8, seed=3)) == [
        13,
        36,
        3,
        49,
        26,
        16,
        39,
        6,
        18,
        41,
        8,
        31,
        44,
        21,
        34,
        11,
        12,
        48,
        2,
        25,
        38,
        15,
        5,
        28,
        47,
        24,
        1,
        14,
        37,
        27,
        4,
        17,
        29,
        42,
        19,
        32,
        9,
        22,
        45,
        35,
        40,
        7,
        30,
        43,
        20,
        10,
        33,
        23,
        46,
        0,
    ]
