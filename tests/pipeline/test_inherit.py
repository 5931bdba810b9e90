"""What a stage takes from the artifact that it starts from, and what the user says instead."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mctl.data import DataSettings
from mctl.pipeline.inherit import resolved
from mctl.recipe import Recipe


@pytest.mark.parametrize(
    ("said", "quotes", "sheet"),
    [
        ({}, "trusted", "second"),
        ({"quotes": "none"}, "none", "second"),
        ({"quotes": "checked", "sheet": "first"}, "checked", "first"),
    ],
)
def test_quotes_and_sheet_of_the_parent_hold_unless_the_user_says_others(
    said: dict[str, Any], quotes: str, sheet: str
) -> None:
    data = DataSettings(source="/news.xlsx", quotes="trusted", sheet="second", seed=7)
    manifest = SimpleNamespace(recipe={"data": data.model_dump(mode="json")}, facts={"max_length": 16})
    parent: Any = SimpleNamespace(manifest=manifest, folder=Path("/teacher"))
    found = resolved(Recipe(data=DataSettings(**said)), parent).data
    assert (found.source, found.quotes, found.sheet, found.seed) == ("/news.xlsx", quotes, sheet, 7)
