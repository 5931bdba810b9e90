"""`mctl doctor`"""

from __future__ import annotations

import typer

from mctl.cli import options


def doctor(artifacts: options.Artifacts = None, config: options.Config = None) -> None:
    """Check the environment: what is installed, what runs where, what is missing.

    Exits with 1 when something that every command needs does not work.

    Examples:

        mctl doctor
    """
    from mctl.cli.next_step import command
    from mctl.cli.streams import reader_may_leave
    from mctl.pipeline.examine import examine
    from mctl.recipe import load_recipe
    from mctl.report.console import open_console
    from mctl.report.findings import show

    recipe = load_recipe(config, {"artifacts": artifacts})
    with open_console(quiet=False) as console:
        findings = examine(recipe)
        with reader_may_leave():
            show(findings, console.results)
        broken = any(finding.state == "broken" for finding in findings)
        if not broken:
            console.say(command("run" if recipe.data.source else "quickstart", config=config))
    raise typer.Exit(int(broken))
