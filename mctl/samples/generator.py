"""Synthetic Marathi headlines: templates and words, drawn by a seed."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from string import Formatter

from mctl.samples import topics
from mctl.samples.vocabulary import CLOSINGS, OPENINGS, SHARED, VAGUE, Words

TOPICS: Mapping[str, topics.Topic] = {
    "Economy": topics.ECONOMY,
    "Entertainment": topics.ENTERTAINMENT,
    "Farming": topics.FARMING,
    "Health": topics.HEALTH,
    "Politics": topics.POLITICS,
    "Sports": topics.SPORTS,
    "Technology": topics.TECHNOLOGY,
}
"""The classes of the sample, by name."""

_OPENING_SHARE = 0.3
_CLOSING_SHARE = 0.45
_VAGUE_SHARE = 0.05
_WRONG_LABEL_SHARE = 0.04
_MOST_REPEATS = 1000


def headlines(seed: int, rows: int) -> list[tuple[str, str]]:
    """Draws distinct synthetic headlines with their topics; all topics are equally frequent.

    About one in 25 has a wrong label and one in 20 could stand under any topic, so no classifier gets them all right.
    Fewer rows of the same seed are the beginning of more rows.

    Args:
        seed: the same seed gives the same headlines.
        rows: how many.

    Returns:
        (text, label), `rows` long.

    Raises:
        ValueError: the templates have no more distinct headlines to give.
    """
    return list(islice(headline_stream(seed), rows))


def headline_stream(seed: int) -> Iterator[tuple[str, str]]:
    """What `headlines` draws, one at a time: (text, label). What was drawn is remembered, since no text comes twice.

    Raises:
        ValueError: the templates have no more distinct headlines to give; there are more than a million.
    """
    return _distinct(random.Random(seed))


def write_csv(path: Path, rows: Iterable[tuple[str, str]]) -> None:
    """Writes headlines as UTF-8 CSV with the columns text, label and origin; origin says "synthetic" in every row."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("text", "label", "origin"))
        writer.writerows((text, label, "synthetic") for text, label in rows)


def _distinct(rng: random.Random) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    repeats = 0
    names = tuple(TOPICS)
    while repeats < _MOST_REPEATS:
        name = names[len(seen) % len(names)]
        text = _headline(TOPICS[name], rng)
        if text in seen:
            repeats += 1
            continue
        seen.add(text)
        repeats = 0
        yield text, rng.choice(names) if rng.random() < _WRONG_LABEL_SHARE else name
    raise ValueError(f"there are no more than about {len(seen)} distinct headlines")


def _headline(topic: topics.Topic, rng: random.Random) -> str:
    templates = VAGUE if rng.random() < _VAGUE_SHARE else topic.templates
    text = _filled(rng.choice(templates), {**SHARED, **topic.words}, rng)
    if rng.random() < _OPENING_SHARE:
        text = f"{rng.choice(OPENINGS)} {text}"
    if rng.random() < _CLOSING_SHARE:
        text = f"{text}; {rng.choice(CLOSINGS)}"
    return text


def _filled(template: str, words: Words, rng: random.Random) -> str:
    """The template with a word drawn for each slot."""
    parts = []
    for literal, slot, _, _ in Formatter().parse(template):
        parts += [literal, rng.choice(words[slot]) if slot else ""]
    return "".join(parts)
