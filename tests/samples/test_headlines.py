"""The synthetic headlines are deterministic, distinct, clean, and neither trivial nor hopeless."""

from __future__ import annotations

import csv
import unicodedata
from collections import Counter
from string import Formatter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mctl.data import DataSettings, load
from mctl.samples import TOPICS, headlines, write_csv
from mctl.samples.topics import Topic
from mctl.samples.vocabulary import CLOSINGS, OPENINGS, SHARED, VAGUE


def slots(template: str) -> set[str]:
    return {slot for _, slot, _, _ in Formatter().parse(template) if slot}


def all_strings() -> list[str]:
    strings = [*OPENINGS, *CLOSINGS, *VAGUE, *(word for words in SHARED.values() for word in words)]
    for topic in TOPICS.values():
        strings += [*topic.templates, *(word for words in topic.words.values() for word in words)]
    return strings


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**9), st.integers(0, 60))
def test_fewer_rows_are_the_beginning_of_more(seed, rows):
    more = headlines(seed, 60)
    assert headlines(seed, rows) == more[:rows]
    assert len({text for text, _ in more}) == 60


def test_seeds_give_different_headlines():
    assert headlines(1, 50) != headlines(2, 50)


def test_all_topics_are_about_equally_frequent():
    counts = Counter(label for _, label in headlines(42, 1400))
    assert set(counts) == set(TOPICS)
    assert all(170 <= count <= 230 for count in counts.values())


def test_some_labels_are_wrong_but_few():
    turns = list(TOPICS)
    wrong = sum(label != turns[i % len(turns)] for i, (_, label) in enumerate(headlines(42, 2000)))
    assert 0.02 <= wrong / 2000 <= 0.06


def test_everything_is_composed_devanagari_and_nothing_is_written_twice():
    for string in all_strings():
        assert unicodedata.is_normalized("NFC", string)
        letters = [char for char in Formatter().vformat(string, (), dict.fromkeys(slots(string), "")) if char.isalpha()]
        assert all("DEVANAGARI" in unicodedata.name(char) for char in letters)
    for topic in TOPICS.values():
        assert len(set(topic.templates)) == len(topic.templates)


@pytest.mark.parametrize("topic", TOPICS.values(), ids=TOPICS)
def test_every_slot_has_words_and_every_list_of_words_a_slot(topic):
    used = set().union(*map(slots, topic.templates))
    assert used <= {*SHARED, *topic.words}
    assert set(topic.words) <= used
    assert not set(topic.words) & set(SHARED)


def test_running_out_of_headlines_is_an_error(monkeypatch):
    monkeypatch.setattr("mctl.samples.generator.TOPICS", {"A": Topic(("एक {word}",), {"word": ("दोन", "तीन")})})
    for name in ("OPENINGS", "CLOSINGS", "VAGUE"):
        monkeypatch.setattr(f"mctl.samples.generator.{name}", ("चार",))
    with pytest.raises(ValueError, match="no more than about"):
        headlines(1, 10**9)


def test_the_file_says_that_it_is_synthetic_and_loads_without_a_finding(tmp_path):
    rows = headlines(42, 350)
    path = tmp_path / "sample.csv"
    write_csv(path, rows)
    with path.open(encoding="utf-8", newline="") as file:
        records = list(csv.DictReader(file))
    assert [(r["text"], r["label"]) for r in records] == rows
    assert {r["origin"] for r in records} == {"synthetic"}
    dataset = load(DataSettings(source=str(path)))
    assert dataset.report.findings == ()
    assert dataset.class_names == tuple(TOPICS)
    assert sum(len(split) for split in dataset.splits.values()) == 350
