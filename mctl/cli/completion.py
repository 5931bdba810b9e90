"""What the TAB key offers as values of options: the choices that the recipe itself allows."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

# Logits are always among them.
_SIGNALS = ("logits", "logits,hidden", "logits,relations", "logits,hidden,relations")


def choices_of(dotted: str) -> Callable[[str], list[str]]:
    """The values of a setting that has a choice of them.

    Args:
        dotted: section and key of the recipe, such as "compress.method".
    """

    def complete(incomplete: str) -> list[str]:
        from mctl.recipe import Recipe  # pydantic: not paid for before TAB is pressed

        section, key = dotted.split(".")
        settings = getattr(Recipe(), section)
        choices = get_args(type(settings).model_fields[key].annotation)
        return [choice for choice in choices if choice.startswith(incomplete)]

    return complete


def signals(incomplete: str) -> list[str]:
    """Signals of a distillation, as `--distill` takes them."""
    return [choice for choice in _SIGNALS if choice.startswith(incomplete)]
