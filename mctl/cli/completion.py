"""What the TAB key offers as values of options: the choices that the recipe itself allows."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args


def choices_of(dotted: str) -> Callable[[], list[str]]:
    """The values of a setting that has a choice of them; typer leaves out those that do not fit what has been typed.

    Args:
        dotted: section and key of the recipe, such as "compress.method".
    """

    def choices() -> list[str]:
        from mctl.recipe import Recipe  # pydantic: not paid for before TAB is pressed

        section, key = dotted.split(".")
        settings = type(getattr(Recipe(), section))
        return list(get_args(settings.model_fields[key].annotation))

    return choices


def signals() -> list[str]:
    """Signals of a distillation as `--distill` takes them: logits are always among them."""
    return ["logits", "logits,hidden", "logits,relations", "logits,hidden,relations"]
