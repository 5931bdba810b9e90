"""`mctl inspect`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mctl.cli import options

_PICTURES = (".png", ".svg", ".pdf")


def inspect(
    artifact: Annotated[
        Path | None,
        typer.Argument(
            help="Artifact to look at. By default the newest.", show_default=False, callback=options.at_home
        ),
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(
            help="Also draw the layout to this PNG or SVG file.", show_default=False, callback=options.at_home
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="The manifest as JSON on stdout.")] = False,
    artifacts: options.Artifacts = None,
    config: options.Config = None,
) -> None:
    """Show what an artifact is: where it came from, its layout, sizes and scores.

    Examples:

        mctl inspect

        mctl inspect artifacts/prune50-distill --picture layout.svg

        mctl inspect --json | jq .facts.layout
    """
    from mctl.artifact import load_artifact, make_folder, newest_artifact
    from mctl.cli.next_step import NextStep
    from mctl.cli.recipe_at_hand import recipe_at_hand
    from mctl.cli.streams import stdout_for_programs
    from mctl.errors import UserError
    from mctl.ownership import refuse_unless_report
    from mctl.report.artifact import layouts_of, show
    from mctl.report.console import open_console

    if picture is not None and picture.suffix.lower() not in _PICTURES:
        raise UserError(
            "this is no format for a picture.",
            where=f"--picture {picture}",
            todo=f"Choose an ending: {', '.join(_PICTURES)}.",
        )
    if picture is not None:
        refuse_unless_report(picture, "--picture")
    recipe, config = recipe_at_hand(config, {"artifacts": artifacts}, artifact)
    found = (
        load_artifact(artifact) if artifact else newest_artifact(recipe.artifacts, ("export", "compressed", "teacher"))
    )
    if found is None:
        raise UserError(f"there is no artifact in {recipe.artifacts}.", todo="Run `mctl quickstart` to make one.")
    with open_console(quiet=False) as console:
        if json:
            typer.echo(found.manifest.model_dump_json(indent=2), file=stdout_for_programs())
        else:
            show(found, console.results)
        if picture is not None:
            from mctl.report.layout import layout_picture

            make_folder(picture.parent)
            console.say(f"wrote {layout_picture(*layouts_of(found), picture)}")
        console.say(NextStep(recipe, config, artifacts).after_artifact(found))
