"""The table of commands against the commands themselves."""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path

import pytest

from mctl.cli.app import COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_summary_is_the_first_paragraph_of_the_commands_help(name: str) -> None:
    function = getattr(import_module(f"mctl.cli.{name}"), name)
    paragraph = " ".join((inspect.getdoc(function) or "").split("\n\n")[0].split())
    assert COMMANDS[name] == paragraph.replace("**", "").replace("`", "")


def test_every_command_file_is_in_the_table() -> None:
    folder = Path(import_module("mctl.cli").__file__ or "").parent
    shared = {"__init__", "app", "command", "completion", "compress_options", "encoding", "failure", "next_step"}
    shared |= {"options", "recipe_at_hand", "refused_validation", "streams", "usage"}
    assert {path.stem for path in folder.glob("*.py")} - shared == set(COMMANDS)
