"""Texts of other people, and numbers, fit for a terminal."""

from __future__ import annotations

import re

from rich.text import Text

# Controls (C0, DEL, C1), line ends, and what turns the direction of the text around it. Not all format characters:
# Marathi needs the joiners U+200C and U+200D.
_SPECIAL = "\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069"
_CONTROL = re.compile(f"[\x00-\x1f{_SPECIAL}]")
_SPECIAL_IN_JSON = re.compile(f"[{_SPECIAL}]")


def plain(text: str) -> str:
    """`text` in one line that a terminal does not obey: controls become visible, such as `\\x1b` and `\\t`."""
    return _CONTROL.sub(lambda match: match.group().encode("unicode_escape").decode(), text)


def plain_json(document: str) -> str:
    """The same JSON in characters that a terminal does not obey: they occur in strings, where JSON can escape them."""
    return _SPECIAL_IN_JSON.sub(lambda match: f"\\u{ord(match.group()):04x}", document)


def plain_text(text: str, style: str = "") -> Text:
    """`text` for rich: nothing in it is markup or a control."""
    return Text(plain(text), style=style)


def number(value: float | None) -> str:
    """Three digits or all before the point, whichever are more; "-" where there is none."""
    return "-" if value is None else f"{value:.3g}" if value < 100 else f"{value:.0f}"
