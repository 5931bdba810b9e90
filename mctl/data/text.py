"""Text as the model gets it, and text as it is compared."""

from __future__ import annotations

import re
import unicodedata

_CONTROL_SPACE = re.compile(r"[\t-\r\x1c-\x1f\x85\u2028\u2029]+")
# Controls, byte order marks and lone surrogates. U+200C and U+200D stay: in Devanagari they change what is read.
_NOT_TEXT = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ufeff\ud800-\udfff]")
_INVISIBLE = re.compile("[\u200b\u2060\u00ad]")
_SHORT = 60


def tidy(text: str) -> str:
    """The text without control characters and without white space at its ends; line breaks and tabs become a space.

    >>> tidy(" two\\nlines\\x00 ")
    'two lines'
    """
    if not text.isprintable():  # None of these characters is, and most texts are: one quick look instead of two slow.
        text = _NOT_TEXT.sub("", _CONTROL_SPACE.sub(" ", text))
    return text.strip()


def comparison_key(text: str) -> str:
    """What two texts must share to count as the same text: NFC, no invisible characters, single spaces.

    NFC is the canonical composition of Unicode Standard Annex 15: a nukta or a vowel sign typed as one code point or as
    two gives the same key.
    """
    seen = text if text.isprintable() else _INVISIBLE.sub("", text)
    return " ".join(unicodedata.normalize("NFC", seen).split())


def folded(name: str) -> str:
    """A name for comparing regardless of case and composition: of columns and labels."""
    return unicodedata.normalize("NFC", comparison_key(name).casefold())


def shortened(text: str) -> str:
    """At most 60 characters of a text, for reports and messages."""
    return text if len(text) <= _SHORT else text[: _SHORT - 1] + "…"
