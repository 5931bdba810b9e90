"""`mctl finetune`"""

from __future__ import annotations

from typing import Annotated

import typer

from mctl.cli import options


def finetune(
    model: options.Model = None,
    data: options.Data = None,
    test: options.Test = None,
    text: options.TextColumn = None,
    label: options.LabelColumn = None,
    sheet: options.Sheet = None,
    max_dropped: options.MaxDropped = None,
    max_length: options.MaxLength = None,
    trust_remote_code: options.TrustRemoteCode = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            help="Passes over the data, at most. [default: 6]", rich_help_panel="Training", show_default=False
        ),
    ] = None,
    batch_size: options.BatchSize = None,
    learning_rate: options.LearningRate = None,
    mixed_precision: options.MixedPrecision = None,
    gradient_accumulation: options.GradientAccumulation = None,
    gradient_checkpointing: options.GradientCheckpointing = None,
    freeze_embeddings: options.FreezeEmbeddings = None,
    seed: options.Seed = None,
    artifacts: options.Artifacts = None,
    config: options.Config = None,
    quiet: options.Quiet = False,
) -> None:
    """Fine-tune an encoder on labelled texts: the **teacher**.

    Stops early when the dev accuracy no longer rises, and goes on from its last checkpoint when it was interrupted.

    Examples:

        mctl finetune --model l3cube-pune/marathi-bert-v2 --data news.csv

        mctl finetune --model ./encoder --data splits/ --epochs 4 --learning-rate 1e-4
    """
    from mctl.cli.next_step import NextStep
    from mctl.pipeline.preflight import check_paths
    from mctl.recipe import load_recipe
    from mctl.report.console import open_console

    recipe = load_recipe(
        config,
        {
            "artifacts": artifacts,
            "model.name": model,
            "model.max_length": max_length,
            "model.trust_remote_code": trust_remote_code,
            "data.source": data,
            "data.test": test,
            "data.text": text,
            "data.label": label,
            "data.sheet": sheet,
            "data.max_dropped": max_dropped,
            "finetune.epochs": epochs,
            "finetune.batch_size": batch_size,
            "finetune.mixed_precision": mixed_precision,
            "finetune.gradient_accumulation": gradient_accumulation,
            "finetune.gradient_checkpointing": gradient_checkpointing,
            "finetune.learning_rate": learning_rate,
            "finetune.freeze_embeddings": freeze_embeddings,
            "finetune.seed": seed,
        },
    )
    check_paths(recipe, recipe.model.name)
    from mctl.pipeline.finetune import finetune as run  # Imports torch.

    with open_console(quiet) as console:
        made = run(recipe, console)
        console.made(made)
        next_step = NextStep(recipe, config, artifacts).after_artifact(made)
        console.say(options.last_line(next_step, made.manifest.data))
