"""What scripts texts are written in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from fontTools import unicodedata

# Punctuation, digits and marks that go with any script.
_OF_ALL = {"Zyyy", "Zinh", "Zzzz"}


def counting(texts: Iterable[str], counts: Counter[str]) -> Iterator[str]:
    """The texts as they come, their characters being counted on the way."""
    for text in texts:
        counts.update(text)
        yield text


def letters(counts: Mapping[str, int]) -> dict[str, int]:
    """The letters among counted characters."""
    return {character: count for character, count in counts.items() if character.isalpha()}


def script_shares(counts: Mapping[str, int]) -> dict[str, float]:
    """Shares of the letters by name of their script, the largest first.

    Args:
        counts: how often each character occurs.
    """
    found: Counter[str] = Counter()
    for character, count in letters(counts).items():
        script = unicodedata.script(character)
        if script not in _OF_ALL:
            found[unicodedata.script_name(script)] += count
    total = found.total()
    return {name: count / total for name, count in found.most_common()}


def listed(shares: Mapping[str, float], least: float = 0.01) -> str:
    """The scripts that matter, for a message: "Devanagari 88 %, Latin 12 %"."""
    return ", ".join(f"{name} {100 * share:.0f} %" for name, share in shares.items() if share >= least) or "no letters"
