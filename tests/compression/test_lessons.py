"""What the teacher said, read back: the same as asking it anew, in any order and with any padding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from disk import files_of_at_most
from hypothesis import given, settings
from hypothesis import strategies as st
from lessons import Counting, padder, rows
from models import batch, small_bert, small_model

from mctl.compression import lessons as module
from mctl.compression.batches import Collator, NumberedRows
from mctl.compression.features import Watch
from mctl.compression.lessons import Lessons, bytes_needed, lesson_of, record
from mctl.compression.phase import Phase
from mctl.compression.teacher import Distillation, Teacher
from mctl.compression.trainer import Teaching, train
from mctl.recipe import TrainingSettings

# Longer than a batch of the recording, with texts of one token.
LENGTHS = [1, 9, 3, 3, 12, 1, 7] * 10
GIGABYTE = 10**9
EVERYTHING = Watch(hidden=(0, 1), relations=1)


def teacher(watch: Watch = EVERYTHING) -> Teacher:
    return Teacher(small_bert(seed=3).requires_grad_(False), watch)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Lessons:
    found = record(teacher(), rows(LENGTHS), padder(), tmp_path_factory.mktemp("lessons"), GIGABYTE, Counting())
    assert found is not None
    return found


def half_equal(actual: torch.Tensor, expected: torch.Tensor) -> None:
    """Equal to the precision of float16."""
    torch.testing.assert_close(actual.float(), expected.float(), rtol=1e-3, atol=1e-4)


@settings(max_examples=15, deadline=None)
@given(
    texts=st.lists(st.integers(0, len(LENGTHS) - 1), min_size=1, max_size=6),
    more=st.integers(0, 4),
)
def test_recorded_equals_asked_anew(recorded: Lessons, texts: Sequence[int], more: int) -> None:
    asked_for = rows(LENGTHS)[list(texts)]
    inputs = {name: asked_for[name] for name in ("input_ids", "attention_mask")}
    length = max(LENGTHS[text] for text in texts) + more
    padded = dict(padder().pad(inputs, padding="max_length", max_length=length, return_tensors="pt"))
    asked = teacher().teach(padded)
    read = lesson_of(recorded.read(texts, length))
    torch.testing.assert_close(read.logits, asked.logits, rtol=1e-4, atol=1e-5)
    mask = padded["attention_mask"].unsqueeze(-1)
    for name, count in (("hidden", 2), ("relations", 3)):
        ours, theirs = getattr(read.features, name), getattr(asked.features, name)
        assert len(ours) == len(theirs) == count
        for one, other in zip(ours, theirs, strict=True):
            assert one.dtype == torch.float16
            half_equal(one, other * mask)


def test_of_a_teacher_that_is_asked_for_logits_nothing_else_is_kept(tmp_path: Path) -> None:
    found = record(teacher(Watch()), rows(LENGTHS), padder(), tmp_path, 0, Counting())
    assert found is not None, "logits are kept whatever the limit"
    assert found.read([0, 1], 9).keys() == {"teacher_logits"}
    lesson = lesson_of(found.read([0, 1], 9))
    assert (lesson.features.hidden, lesson.features.relations) == ([], [])


def test_what_is_complete_is_read_and_not_computed_again(tmp_path: Path) -> None:
    progress = Counting()
    first = record(teacher(), rows(LENGTHS), padder(), tmp_path, GIGABYTE, progress)
    again = record(Teacher(small_bert(seed=9), EVERYTHING), rows(LENGTHS), padder(), tmp_path, GIGABYTE, progress)
    assert progress.passes == 1
    assert (first.logits == again.logits).all()


def test_an_interrupted_recording_starts_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = record(teacher(), rows(LENGTHS), padder(), tmp_path / "whole", GIGABYTE, Counting())
    calls = []

    def dies(self: Teacher, inputs: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        # Half a recording, and of another teacher at that.
        return original(Teacher(small_bert(seed=9), EVERYTHING), inputs)

    original: Callable[..., Any] = Teacher.teach
    monkeypatch.setattr(Teacher, "teach", dies)
    with pytest.raises(KeyboardInterrupt):
        record(teacher(), rows(LENGTHS), padder(), tmp_path / "cut", GIGABYTE, Counting())
    monkeypatch.undo()
    found = record(teacher(), rows(LENGTHS), padder(), tmp_path / "cut", GIGABYTE, Counting())
    for name in ("logits", "starts", "hidden", "relations"):
        assert (getattr(found, name) == getattr(expected, name)).all(), name


def test_the_limit_counts_every_number_of_the_features(tmp_path: Path) -> None:
    asked = teacher()
    needed = bytes_needed(asked, sum(LENGTHS))
    progress = Counting()
    assert record(asked, rows(LENGTHS), padder(), tmp_path / "a", needed - 1, progress) is None
    assert "asked anew in every step" in progress.said[0]
    found = record(asked, rows(LENGTHS), padder(), tmp_path / "b", needed, progress)
    assert found.hidden.nbytes + found.relations.nbytes == needed


def test_a_disk_that_is_nearly_full_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needed = bytes_needed(teacher(), sum(LENGTHS))
    usage = module.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda path: usage._replace(free=2 * needed - 2))
    assert record(teacher(), rows(LENGTHS), padder(), tmp_path / "a", GIGABYTE, Counting()) is None
    monkeypatch.setattr(module.shutil, "disk_usage", lambda path: usage._replace(free=2 * needed))
    assert record(teacher(), rows(LENGTHS), padder(), tmp_path / "b", GIGABYTE, Counting()) is not None


def test_the_room_of_a_mapped_file_is_taken_when_it_is_made(tmp_path: Path) -> None:
    """A full disk is then an error, where it would end the process (SIGBUS) when a hole is written to."""
    path = tmp_path / "hidden.npy"
    module._reserved(path, "float16", (1000, 3, 100))
    size = path.stat()
    assert size.st_blocks * 512 >= size.st_size > 600_000
    with pytest.raises(OSError, match="File too large"), files_of_at_most(100_000):
        module._reserved(tmp_path / "more.npy", "float16", (1000, 3, 100))


def test_numbers_beyond_half_precision_are_cut_and_not_infinite(tmp_path: Path) -> None:
    loud = small_bert(seed=3)
    loud.bert.encoder.layer[1].output.LayerNorm.weight.data.fill_(1e6)
    found = record(Teacher(loud, EVERYTHING), rows([3, 4]), padder(), tmp_path, GIGABYTE, Counting())
    hidden = found.read([0, 1], 4)["teacher_hidden"]
    assert torch.isfinite(hidden).all()
    assert hidden.abs().max() == 65504


def test_a_teacher_is_asked_with_its_own_ids_and_answers_in_the_students_classes() -> None:
    model = small_bert(seed=3)
    ids = torch.tensor([[5, 6, 7]])
    mapped = torch.arange(100).flip(0)
    plain = Teacher(model, EVERYTHING).teach({"input_ids": mapped[ids], "attention_mask": torch.ones_like(ids)})
    own = Teacher(model, EVERYTHING, mapped, (2, 0)).teach({"input_ids": ids, "attention_mask": torch.ones_like(ids)})
    assert torch.equal(own.logits, plain.logits[:, [2, 0]])
    assert torch.equal(own.features.hidden[1], plain.features.hidden[1])
    assert not own.logits.requires_grad


def test_a_teacher_is_not_given_what_it_does_not_take() -> None:
    """DistilBERT has no token types, which the tokenizer that it shares with BERT makes."""
    model, given = small_model("distilbert"), []
    model.register_forward_pre_hook(lambda module, positional, named: given.append(set(named)), with_kwargs=True)
    inputs = batch()
    Teacher(model, EVERYTHING).teach({**inputs, "token_type_ids": inputs["input_ids"] * 0})
    assert given == [{"input_ids", "attention_mask"}]


def trained(tmp_path: Path, teaching: Callable[[Distillation, Any], Teaching]) -> Any:
    """A student of one layer after an epoch with its teacher."""
    distillation = Distillation(
        temperature=2.0,
        weight=0.9,
        hidden_weight=1.0,
        relations_weight=1.0,
        layers=(0, 1),
        heads=(0, 1, 2, 3),
        head_size=8,
    )
    student, texts = small_bert(seed=5), rows(LENGTHS)
    settings = TrainingSettings(batch_size=8, learning_rate=1e-3)
    splits = {"train": texts, "dev": texts.select(range(4))}
    phase = Phase("test", tmp_path / "phase", 1)
    train(student, padder(), splits, settings, phase, teaching=teaching(distillation, texts))
    return student


def test_a_student_learns_the_same_from_lessons_as_from_the_teacher_itself(tmp_path: Path) -> None:
    def kept(distillation: Distillation, texts: Any) -> Teaching:
        asked = Teacher(small_bert(seed=3), distillation.watch_teacher)
        return Teaching(distillation, record(asked, texts, padder(), tmp_path / "kept", GIGABYTE, Counting()))

    def over_the_limit(distillation: Distillation, texts: Any) -> Teaching:
        asked = Teacher(small_bert(seed=3), distillation.watch_teacher)
        assert record(asked, texts, padder(), tmp_path / "none", 1, Counting()) is None
        return Teaching(distillation, teacher=asked)

    start = {name: value.clone() for name, value in small_bert(seed=5).state_dict().items()}
    read, asked = (trained(tmp_path / name.__name__, name).state_dict() for name in (kept, over_the_limit))
    moved, apart = (sum(float((asked[n] - other[n]).square().sum()) for n in start) ** 0.5 for other in (start, read))
    assert moved > 0.1
    assert apart < moved / 50


def test_rows_know_their_number_and_the_collator_finds_their_lesson(recorded: Lessons) -> None:
    numbered = NumberedRows(rows(LENGTHS))
    padded = Collator(padder(), recorded)(numbered.__getitems__([4, 1]))
    assert torch.equal(padded["teacher_logits"], torch.tensor(recorded.logits[[4, 1]]))
    assert padded["teacher_hidden"].shape == (2, 12, 2, 32)
    assert padded["teacher_relations"].shape == (2, 12, 3, 32)
