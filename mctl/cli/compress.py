"""`mctl compress`"""

from __future__ import annotations

from typing import Annotated

import typer

from mctl.cli import options

_PRUNING = "Pruning and distillation"

Prune = Annotated[
    float | None,
    typer.Option(
        help="Percent of the encoder's attention and FFN weights to remove. [default: 25]",
        rich_help_panel=_PRUNING,
        show_default=False,
    ),
]
Distill = Annotated[
    bool | None,
    typer.Option(
        "--distill/--no-distill",
        help="Learn from the teacher's logits.",
        rich_help_panel=_PRUNING,
        show_default=False,
    ),
]
Structure = Annotated[
    str | None,
    typer.Option(
        help="units (heads and FFN rows) or blocks (the paper's squares). [default: units]",
        rich_help_panel=_PRUNING,
        show_default=False,
    ),
]
Block = Annotated[
    int | None,
    typer.Option(help="Side of a square block. [default: 32]", rich_help_panel=_PRUNING, show_default=False),
]
Temperature = Annotated[
    float | None,
    typer.Option(help="Temperature of distillation. [default: 2]", rich_help_panel=_PRUNING, show_default=False),
]
DistillWeight = Annotated[
    float | None,
    typer.Option(help="Share of the teacher in the loss. [default: 0.9]", rich_help_panel=_PRUNING, show_default=False),
]
RampEpochs = Annotated[
    int | None,
    typer.Option(help="Epochs in which the level grows. [default: 6]", rich_help_panel=_PRUNING, show_default=False),
]
RecoveryEpochs = Annotated[
    int | None,
    typer.Option(help="Epochs on the stripped model. [default: 4]", rich_help_panel=_PRUNING, show_default=False),
]


def compress(
    prune: Prune = None,
    distill: Distill = None,
    structure: Structure = None,
    block: Block = None,
    temperature: Temperature = None,
    distill_weight: DistillWeight = None,
    ramp_epochs: RampEpochs = None,
    recovery_epochs: RecoveryEpochs = None,
    teacher: options.Teacher = None,
    model: options.Model = None,
    data: options.Data = None,
    text: options.TextColumn = None,
    label: options.LabelColumn = None,
    max_length: options.MaxLength = None,
    trust_remote_code: options.TrustRemoteCode = None,
    batch_size: options.BatchSize = None,
    learning_rate: options.LearningRate = None,
    freeze_embeddings: options.FreezeEmbeddings = None,
    seed: options.Seed = None,
    artifacts: options.Artifacts = None,
    config: options.Config = None,
    quiet: options.Quiet = False,
) -> None:
    """Prune and distil the teacher into a physically smaller model.

    Without --teacher and --model, the newest teacher in the artifacts folder is compressed.

    Examples:

        mctl compress --prune 25 --distill --data news.csv

        mctl compress --teacher ./my-classifier --data news.csv --prune 50 --distill

        mctl compress --prune 50 --structure blocks --block 32
    """
    from mctl.errors import UserError
    from mctl.pipeline.compress import compress as run
    from mctl.recipe import load_recipe
    from mctl.report.console import open_console

    if model is not None and teacher is not None:
        raise UserError("an encoder to fine-tune or a teacher that is fine-tuned, not both.", where="--model --teacher")
    recipe = load_recipe(
        config,
        {
            "artifacts": artifacts,
            "model.name": model,
            "model.max_length": max_length,
            "model.trust_remote_code": trust_remote_code,
            "data.source": data,
            "data.text": text,
            "data.label": label,
            "compress.prune": prune,
            "compress.distill": distill,
            "compress.structure": structure,
            "compress.block": block,
            "compress.temperature": temperature,
            "compress.distill_weight": distill_weight,
            "compress.ramp_epochs": ramp_epochs,
            "compress.recovery_epochs": recovery_epochs,
            "compress.teacher": teacher,
            "compress.batch_size": batch_size,
            "compress.learning_rate": learning_rate,
            "compress.freeze_embeddings": freeze_embeddings,
            "compress.seed": seed,
        },
    )
    with open_console(quiet) as console:
        console.made(run(recipe, console))
