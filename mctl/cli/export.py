"""`mctl export`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mctl.cli import options


def export(
    artifact: Annotated[
        Path | None,
        typer.Argument(help="Teacher or compressed artifact. By default the newest.", show_default=False),
    ] = None,
    fp32: Annotated[bool, typer.Option("--fp32", help="Weights as they were trained. This is the default.")] = False,
    fp16: Annotated[bool, typer.Option("--fp16", help="Half the size, for GPUs.")] = False,
    provider: Annotated[
        str | None,
        typer.Option(help="Where it is to run: cpu or cuda. [default: cuda for fp16, else cpu]", show_default=False),
    ] = None,
    graph: Annotated[
        str | None,
        typer.Option(
            help="Form of the graph: plain, attention or fused. [default: plain for cpu, fused for cuda]",
            show_default=False,
        ),
    ] = None,
    artifacts: options.Artifacts = None,
    config: options.Config = None,
    quiet: options.Quiet = False,
) -> None:
    """Turn a PyTorch artifact into an **ONNX** artifact.

    Examples:

        mctl export --fp16

        mctl export artifacts/prune25-distill --fp32

        mctl export --fp32 --provider cuda
    """
    from mctl.errors import UserError
    from mctl.pipeline.export import export as run
    from mctl.recipe import load_recipe
    from mctl.report.console import open_console

    if fp32 and fp16:
        raise UserError("one precision at a time.", where="--fp32 --fp16", todo="Run the command twice.")
    precision = "fp16" if fp16 else "fp32" if fp32 else None
    recipe = load_recipe(
        config,
        {
            "artifacts": artifacts,
            "export.precision": precision,
            "export.provider": provider,
            "export.graph": graph,
        },
    )
    with open_console(quiet) as console:
        console.made(run(recipe, console, artifact))
