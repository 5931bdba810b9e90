"""Texts of other people, and numbers, fit for a terminal."""

from __future__ import annotations

import re

from rich.text import Text

# Controls (C0, DEL, C1) and line ends. Not format characters: Marathi needs the joiners U+200C and U+200D.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def plain(text: str) -> str:
    """`text` in one line that a terminal does not obey: controls become visible, such as `\\x1b` and `\\t`."""
    return _CONTROL.sub(lambda match: match.group().encode("unicode_escape").decode(), text)


def plain_text(text: str, style: str = "") -> Text:
    """`text` for rich: nothing in it is markup or a control."""
    return Text(plain(text), style=style)


def number(value: float | None) -> str:
    """Three digits or all before the point, whichever are more; "-" where there is none."""
    return "-" if value is None else f"{value:.3g}" if value < 100 else f"{value:.0f}"
