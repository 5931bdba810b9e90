"""`mctl export`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from mctl.cli import options


def export(
    artifact: Annotated[
        Path | None,
        typer.Argument(
            help="Teacher or compressed artifact. By default the newest.", show_default=False, callback=options.at_home
        ),
    ] = None,
    fp32: Annotated[bool, typer.Option("--fp32", help="Weights as they were trained. This is the default.")] = False,
    fp16: Annotated[bool, typer.Option("--fp16", help="Half the size, for GPUs.")] = False,
    int8: Annotated[bool, typer.Option("--int8", help="A quarter of the size, for CPUs.")] = False,
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
    quantization: Annotated[
        Literal["dynamic", "static"] | None,
        typer.Option(
            help="int8: scales of activations from each call, or fixed beforehand on dev texts. [default: dynamic]",
            show_default=False,
        ),
    ] = None,
    exporter: Annotated[
        Literal["pytorch", "optimum"] | None,
        typer.Option(help="What writes the graph. [default: pytorch]", show_default=False),
    ] = None,
    artifacts: options.Artifacts = None,
    config: options.Config = None,
    quiet: options.Quiet = False,
) -> None:
    """Turn a PyTorch artifact into an **ONNX** artifact.

    Lower precisions are tried out on the dev split; nodes without which parity would fail stay in fp32 and are listed.

    Examples:

        mctl export --fp16

        mctl export artifacts/prune25-distill --int8

        mctl export --fp32 --provider cuda
    """
    from mctl.cli.next_step import NextStep
    from mctl.cli.recipe_at_hand import recipe_at_hand
    from mctl.errors import UserError
    from mctl.pipeline.export import export as run
    from mctl.report.console import open_console

    asked = [name for name, given in (("fp32", fp32), ("fp16", fp16), ("int8", int8)) if given]
    if len(asked) > 1:
        flags = " ".join(f"--{name}" for name in asked)
        raise UserError("one precision at a time.", where=flags, todo="Run the command once for each.")
    recipe, config = recipe_at_hand(
        config,
        {
            "artifacts": artifacts,
            "export.precision": asked[0] if asked else None,
            "export.provider": provider,
            "export.graph": graph,
            "export.quantization": quantization,
            "export.exporter": exporter,
        },
        artifact,
    )
    with open_console(quiet) as console:
        made = run(recipe, console, artifact)
        console.made(made)
        console.say(NextStep(recipe, config, artifacts).after_artifact(made))
