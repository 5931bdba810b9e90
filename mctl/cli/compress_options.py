"""Options of `mctl compress`, by what they are about."""

from __future__ import annotations

from typing import Annotated

import typer

_PRUNING = "Pruning"
_DISTILLATION = "Distillation"

Prune = Annotated[
    float | None,
    typer.Option(
        help="Percent of the encoder's attention and FFN weights to remove. [default: 25]",
        rich_help_panel=_PRUNING,
        show_default=False,
    ),
]
Method = Annotated[
    str | None,
    typer.Option(
        help="What units are scored by: movement, magnitude or random. [default: movement]",
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
    typer.Option(
        help="Side of a square block. [default: 32]",
        rich_help_panel=_PRUNING,
        show_default=False,
    ),
]
Layers = Annotated[
    int | None,
    typer.Option(
        help="Keep this many of the teacher's layers. [default: all]",
        rich_help_panel=_PRUNING,
        show_default=False,
    ),
]
LayersBy = Annotated[
    str | None,
    typer.Option(
        help="Keep evenly spaced layers (spacing), or those that change the hidden states most (influence).",
        rich_help_panel=_PRUNING,
        show_default=False,
    ),
]
RampEpochs = Annotated[
    int | None,
    typer.Option(
        help="Epochs in which the level grows. [default: 6]",
        rich_help_panel=_PRUNING,
        show_default=False,
    ),
]
RecoveryEpochs = Annotated[
    int | None,
    typer.Option(
        help="Epochs on the stripped model. [default: 4]",
        rich_help_panel=_PRUNING,
        show_default=False,
    ),
]
Distill = Annotated[
    str | None,
    typer.Option(
        "--distill",
        metavar="[SIGNALS]",
        help="Learn from the teacher: logits, hidden, relations, separated by commas. Alone: logits,hidden.",
        rich_help_panel=_DISTILLATION,
        show_default=False,
    ),
]
NoDistill = Annotated[
    bool | None,
    typer.Option(
        "--no-distill",
        help="Learn from labels alone.",
        rich_help_panel=_DISTILLATION,
        show_default=False,
    ),
]
Temperature = Annotated[
    float | None,
    typer.Option(
        help="Softens the logits of both. [default: 2]",
        rich_help_panel=_DISTILLATION,
        show_default=False,
    ),
]
DistillWeight = Annotated[
    float | None,
    typer.Option(
        help="Share of the teacher's logits in the loss. [default: 0.9]",
        rich_help_panel=_DISTILLATION,
        show_default=False,
    ),
]
HiddenWeight = Annotated[
    float | None,
    typer.Option(
        help="Factor of the loss of hidden states. [default: 1]",
        rich_help_panel=_DISTILLATION,
        show_default=False,
    ),
]
RelationsWeight = Annotated[
    float | None,
    typer.Option(
        help="Factor of the loss of attention relations. [default: 1]",
        rich_help_panel=_DISTILLATION,
        show_default=False,
    ),
]
Name = Annotated[
    str | None,
    typer.Option(
        help="Name of the artifact. By default what was done: prune25-distill.",
        show_default=False,
    ),
]
