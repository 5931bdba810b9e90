"""All commands, in the order in which people need them. A command is imported when it is asked for.

Top-level help is plain text from the table below: importing ten commands and rich to print ten lines would take longer
than everything else that `mctl --help` does.
"""

from __future__ import annotations

from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from mctl.cli.command import Command
from mctl.exit_codes import MEANINGS

COMMANDS = {
    "quickstart": "Try the whole chain on an embedded sample: no network, no GPU, under two minutes on two cores.",
    "init": "Look at data and model, and write the mctl.toml that mctl run needs.",
    "run": "Run the whole chain of mctl.toml and exit with the verdict.",
    "finetune": "Fine-tune an encoder on labelled texts: the teacher.",
    "compress": "Prune and distil the teacher into a physically smaller model.",
    "export": "Turn a PyTorch artifact into an ONNX artifact.",
    "validate": "Judge an export: integrity, parity, accuracy, latency, emissions. The exit code is the verdict.",
    "report": "Show a verdict again: for the terminal, or as HTML, JUnit, SARIF, Markdown or JSON.",
    "bench": "Time artifacts side by side: latency over batch sizes and lengths, throughput, memory, energy.",
    "inspect": "Show what an artifact is: where it came from, its layout, sizes and scores.",
    "predict": "Label texts: label, probability and text, separated by tabs.",
    "doctor": "Check the environment: what is installed, what runs where, what is missing.",
}


def command_of(name: str) -> Any:
    """A command of the table, imported."""
    single = typer.Typer(
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    single.command(name, cls=Command)(getattr(import_module(f"mctl.cli.{name}"), name))
    return typer.main.get_command(single)


class Commands(TyperGroup):
    """The commands of the table, each imported when it is first asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names, for help and completion."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of a name, or None."""
        return command_of(cmd_name) if cmd_name in COMMANDS else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the first argument names.

        Raises:
            UserError: there is none of this name.
        """
        if args and args[0] not in COMMANDS:
            from mctl.cli.usage import unknown_command

            raise unknown_command(args[0], list(COMMANDS))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The table, without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Where to start, and the exit codes."""
        formatter.write_paragraph()
        formatter.write_text(self.epilog or "")
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(int(code)), meaning) for code, meaning in MEANINGS.items()])


app = typer.Typer(
    name="mctl",
    cls=Commands,
    help="From a fine-tuned Transformers classifier to a smaller, faster artifact that is proven fit to release.",
    epilog="Start with `mctl quickstart`. `mctl COMMAND --debug` shows the traceback behind an error.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from mctl import __version__

        typer.echo(f"mctl {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option("--version", "-V", help="Print the version and stop.", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    """Options of mctl itself."""
