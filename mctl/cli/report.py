"""`mctl report`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from mctl.cli import options


def report(
    artifact: Annotated[
        Path | None,
        typer.Argument(
            help="Export whose verdict is shown. By default the newest.", show_default=False, callback=options.at_home
        ),
    ] = None,
    format: Annotated[
        Literal["terminal", "json", "html", "junit", "sarif", "markdown", "card"],
        typer.Option("--format", "-f", help="What for."),
    ] = "terminal",
    verbose: options.Verbose = False,
    provider: Annotated[
        Literal["cpu", "cuda"] | None,
        typer.Option(help="Whose verdict is shown: cpu or cuda. [default: the newest]", show_default=False),
    ] = None,
    artifacts: options.Artifacts = None,
    config: options.Config = None,
) -> None:
    """Show a verdict again: for the terminal, or as HTML, JUnit, SARIF, Markdown or JSON.

    The terminal shows the verdict, its figures and the checks that did not pass; -v shows all. The other formats
    hold everything.

    It is written to **stdout**; nothing is measured.

    Examples:

        mctl report

        mctl report artifacts/prune25-distill-fp16 --format markdown >> notes.md

        mctl report --format html > report.html
    """
    from mctl.artifact import load_artifact, newest_artifact
    from mctl.cli.next_step import NextStep
    from mctl.cli.recipe_at_hand import recipe_at_hand
    from mctl.cli.streams import stdout_for_programs
    from mctl.errors import UserError
    from mctl.report.console import open_console
    from mctl.report.terminal import show
    from mctl.report.verdict_files import FORMATS, read_result

    recipe, config = recipe_at_hand(config, {"artifacts": artifacts}, artifact)
    found = load_artifact(artifact) if artifact else newest_artifact(recipe.artifacts, ("export",))
    if found is None:
        raise UserError(f"there is no export in {recipe.artifacts}.", todo="Run `mctl export` first.")
    result = read_result(found.folder, provider)
    with open_console(quiet=False) as console:
        if format == "terminal":
            show(result, console.results, verbose=verbose)
        else:
            document = FORMATS[format](result, found.folder).decode("utf-8")
            typer.echo(document, nl=False, file=stdout_for_programs())
        console.say(NextStep(recipe, config, artifacts).after_verdict(result, found.folder, seen=verbose))
