"""`mctl run`"""

from __future__ import annotations

import os

import typer

from mctl.cli import options


def run(
    artifacts: options.Artifacts = None,
    config: options.Config = None,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
) -> None:
    """Run the whole chain of mctl.toml and exit with the verdict.

    What is done already is not done again; what was interrupted, even by kill -9, goes on from its last checkpoint.

    Examples:

        mctl run

        mctl run --config marathi.toml
    """
    from mctl.cli.next_step import NextStep
    from mctl.errors import UserError
    from mctl.pipeline.preflight import check_paths, starts_from
    from mctl.recipe import RECIPE_FILE, load_recipe
    from mctl.report.console import open_console
    from mctl.report.step_summary import check_step_summary

    check_step_summary(os.environ)
    recipe = load_recipe(config, {"artifacts": artifacts})
    if recipe.data.source is None:
        todo = "Name source under [data], or write a recipe: mctl init --data FILE --model FOLDER_OR_HUB_ID."
        raise UserError("no data is named.", where=str(config or RECIPE_FILE), todo=todo)
    check_paths(recipe, *starts_from(recipe))
    from mctl.pipeline.run import run as run_chain  # Imports torch.

    with open_console(quiet) as console:
        result = run_chain(recipe, console)
    if result is not None:
        folder = recipe.artifacts / result.artifact
        code = options.report(result, console, recipe.gate, folder, verbose=verbose)
        next_step = NextStep(recipe, config, artifacts).after_verdict(result, folder, seen=verbose)
        console.say(options.last_line(next_step, result.data))
        raise typer.Exit(code)
