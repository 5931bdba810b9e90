"""What all commands have in common: their help, and what happens when nobody reads their output."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperCommand

from mctl.cli.streams import drop_output
from mctl.exit_codes import ExitCode

_OWN = "Options"


class Command(TyperCommand):
    """A command with help as plain text, in which no name of an option is cut, however narrow the terminal."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command. It is done when its reader has seen enough, as in `mctl predict ... | head -1`."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            drop_output()
            raise typer.Exit(ExitCode.DONE) from error

    def format_help_text(self, ctx: Any, formatter: Any) -> None:
        """The docstring; its emphasis is left out."""
        self.help = (self.help or "").replace("**", "")
        super().format_help_text(ctx, formatter)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """A section a panel, in the order in which they first occur, and last what all commands have."""
        panels: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                argument = parameter.param_type_name == "argument"
                panel = getattr(parameter, "rich_help_panel", None) or ("Arguments" if argument else _OWN)
                panels.setdefault(panel, []).append(record)
        for panel, records in sorted(panels.items(), key=lambda item: item[0] == _OWN):
            with formatter.section(panel):
                formatter.write_dl(records)
