"""mctl.toml as text, written from the recipe's own models so that it cannot fall behind them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mctl.recipe import Recipe
from mctl.recipe_paths import VERSION

# The first line of the recipe that `mctl quickstart` writes; mctl knows its folder by it.
QUICKSTART_TITLE = "# Settings of mctl for the synthetic sample of `mctl quickstart`.\n"
_TITLE = "# Settings of mctl: `mctl run` does all of it. What is commented out is the default.\n"
_BRIEF_TITLE = "# Settings of mctl: `mctl run` does all of it. `mctl init --full` writes every setting there is.\n"
_VERSION = f"version = {VERSION}  # Paths are relative to the folder of this file."


def is_of_quickstart(path: Path) -> bool:
    """Whether a recipe is one that `mctl quickstart` wrote."""
    try:
        with path.open(encoding="utf-8") as file:
            return file.readline() == QUICKSTART_TITLE
    except (OSError, UnicodeDecodeError):
        return False


def brief_recipe(given: Mapping[str, Any], title: str = _BRIEF_TITLE) -> str:
    """An mctl.toml that holds what is given and nothing else, a line each.

    Args:
        given: values, as {"section.key": value}.
        title: the first line.
    """
    lines = [title.rstrip("\n"), _VERSION]
    if "artifacts" in given:
        lines.append(f"artifacts = {_toml(given['artifacts'])}")
    for section, field in Recipe.model_fields.items():
        model = field.annotation
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            continue
        here = {key: given[f"{section}.{key}"] for key in model.model_fields if f"{section}.{key}" in given}
        if here:
            lines += ["", f"[{section}]"]
            lines += [f"{key} = {_toml(value)}  # {model.model_fields[key].description}" for key, value in here.items()]
    return "\n".join(lines) + "\n"


def recipe_text(given: Mapping[str, Any]) -> str:
    """A commented mctl.toml with every setting.

    Args:
        given: values to write uncommented, as {"section.key": value}.
    """
    lines = [_TITLE, _VERSION, "", *_lines("artifacts", Recipe.model_fields["artifacts"], given, "artifacts")]
    for section, field in Recipe.model_fields.items():
        model = field.annotation
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            continue
        title = (model.__doc__ or "").strip().splitlines()[0]
        lines += ["", f"[{section}]", f"# {title}"]
        for key, inner in model.model_fields.items():
            lines += _lines(key, inner, given, f"{section}.{key}")
    return "\n".join(lines) + "\n"


def _lines(key: str, field: FieldInfo, given: Mapping[str, Any], dotted: str) -> list[str]:
    value = given.get(dotted, field.get_default(call_default_factory=True))
    text = "..." if value is None else _toml(value)
    line = f"{key} = {text}"
    return [f"# {field.description}", line if dotted in given else f"# {line}"]


def _toml(value: Any) -> str:
    """A TOML value: strings and numbers are written as in JSON, but for Unicode, which stays readable.

    TOML wants DEL escaped, which JSON does not.
    """
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False).replace("\x7f", "\\u007f")
