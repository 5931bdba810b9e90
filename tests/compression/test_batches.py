"""Numbered rows and padded batches."""

from __future__ import annotations

import numpy as np
import torch
from lessons import padder, rows

from mctl.compression.batches import Collator, NumberedRows
from mctl.compression.lessons import Lessons

LENGTHS = [3, 5, 2, 4]


def logits_alone() -> Lessons:
    return Lessons(np.arange(8, dtype=np.float32).reshape(4, 2), np.array([0, 3, 8, 10, 14]), None, None)


def test_rows_know_their_number_however_they_are_asked_for() -> None:
    texts = rows(LENGTHS)
    numbered = NumberedRows(texts)
    assert len(numbered) == 4
    assert numbered[2] == {**texts[2], "number": 2}
    assert numbered.__getitems__([3, 0, 3]) == [numbered[3], numbered[0], numbered[3]]


def test_a_batch_is_as_long_as_its_longest_text_and_has_labels_and_no_numbers() -> None:
    texts = rows(LENGTHS)
    batch = Collator(padder())(NumberedRows(texts).__getitems__([2, 1]))
    assert batch.keys() == {"input_ids", "attention_mask", "labels"}
    assert batch["input_ids"].tolist() == [texts[2]["input_ids"] + [0, 0, 0], texts[1]["input_ids"]]
    assert batch["attention_mask"].tolist() == [[1, 1, 0, 0, 0], [1] * 5]
    assert batch["labels"].tolist() == [texts[2]["labels"], texts[1]["labels"]]
    assert batch["labels"].dtype == torch.int64


def test_lessons_follow_the_numbers_of_a_batch() -> None:
    batch = Collator(padder(), logits_alone())(NumberedRows(rows(LENGTHS)).__getitems__([2, 0]))
    assert batch["teacher_logits"].tolist() == [[4, 5], [0, 1]]


def test_texts_without_a_number_have_no_lesson() -> None:
    """Dev texts are evaluated with the same collator."""
    batch = Collator(padder(), logits_alone())([rows(LENGTHS)[0], rows(LENGTHS)[1]])
    assert batch.keys() == {"input_ids", "attention_mask", "labels"}
