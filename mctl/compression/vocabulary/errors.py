"""What this package refuses."""

from __future__ import annotations


class CannotTrimError(ValueError):
    """A vocabulary that cannot be trimmed; the message names the tokenizer's class and says why."""
