"""`mctl quickstart`"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from mctl.cli import options


def quickstart(
    folder: Annotated[Path, typer.Argument(help="Folder to work in; it is made.", callback=options.at_home)] = Path(
        "mctl-quickstart"
    ),
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
) -> None:
    """Try the whole chain on an embedded sample: no network, no GPU, under two minutes on two cores.

    The sample is **synthetic**: Marathi-like headlines from templates, and a tiny encoder with random weights. Its
    figures show that the chain works and nothing else.

    Examples:

        mctl quickstart

        mctl quickstart try && mctl inspect
    """
    from mctl.cli.next_step import command
    from mctl.pipeline.quickstart import prepare
    from mctl.pipeline.run import run
    from mctl.report.console import open_console
    from mctl.report.step_summary import check_step_summary

    check_step_summary(os.environ)
    code = 0
    with open_console(quiet) as console:
        recipe = prepare(folder, console)
        result = run(recipe, console)
        if result is not None:
            made = recipe.artifacts / result.artifact
            code = options.report(result, console, recipe.gate, made, verbose=verbose)
            console.say(f"everything is in {folder}; its recipe is {folder / 'mctl.toml'}")
            console.say("with data and a model of your own: mctl init --data FILE --model FOLDER_OR_HUB_ID")
            console.say(command("inspect", made))
    raise typer.Exit(code)
