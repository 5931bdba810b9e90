"""Options of `mctl compress`, by what they are about."""

from __future__ import annotations

from typing import Annotated

import typer

from mctl.cli.completion import choices_of, signals

_PRUNING = "Pruning"
_DISTILLATION = "Distillation"
_VOCABULARY = "Vocabulary"

Prune = Annotated[
    float | None,
    typer.Option(
        help="Percent of the encoder's attention and FFN weights to remove. [default: 25]",
        rich_help_panel=_PRUNING,
        show_default=False,
    ),
]
TargetSpeedup = Annotated[
    float | None,
    typer.Option(
        help="Instead of --prune: how many times as fast as the teacher the export is to be.",
        rich_help_panel=_PRUNING,
        show_default=False,
    ),
]
On = Annotated[
    str | None,
    typer.Option(
        help="Where that is measured: cpu or cuda. [default: cpu]",
        rich_help_panel=_PRUNING,
        show_default=False,
        autocompletion=choices_of("compress.on"),
    ),
]
At = Annotated[
    str | None,
    typer.Option(
        metavar="TEXTSxTOKENS",
        help="On calls of which size. [default: 8x128, or the length that texts are cut to]",
        rich_help_panel=_PRUNING,
        show_default=False,
    ),
]
RoundTo = Annotated[
    int | None,
    typer.Option(
        help="FFN widths are multiples of this; 1 rounds nothing. [default: 32; 64 on cuda]",
        rich_help_panel=_PRUNING,
        show_default=False,
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        help="Threads of the runtime while measuring. [default: all cores]",
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
        autocompletion=choices_of("compress.method"),
    ),
]
ScoreStart = Annotated[
    str | None,
    typer.Option(
        help="Scores of movement start by Fisher information (fisher) or equal, as in the paper. [default: fisher]",
        rich_help_panel=_PRUNING,
        show_default=False,
        autocompletion=choices_of("compress.score_start"),
    ),
]
Structure = Annotated[
    str | None,
    typer.Option(
        help="units (heads and FFN rows) or blocks (the paper's squares). [default: units]",
        rich_help_panel=_PRUNING,
        show_default=False,
        autocompletion=choices_of("compress.structure"),
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
        autocompletion=choices_of("compress.layers_by"),
    ),
]
TrimVocab = Annotated[
    bool | None,
    typer.Option(
        "--trim-vocab",
        help="Drop tokens that no training text uses, with their embeddings.",
        rich_help_panel=_VOCABULARY,
        show_default=False,
    ),
]
TrimVocabOptional = Annotated[
    bool | None,
    typer.Option(
        "--trim-vocab-optional",
        help="The same where the tokenizer allows it; go on with all tokens elsewhere.",
        rich_help_panel=_VOCABULARY,
        show_default=False,
    ),
]
VocabCorpus = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FILE",
        help="Further texts whose tokens stay: one a line, or a data file. May be given again.",
        rich_help_panel=_VOCABULARY,
        show_default=False,
    ),
]
VocabSpare = Annotated[
    int | None,
    typer.Option(
        help="Tokens kept for texts to come, the likeliest of those that go unused. [default: 15000]",
        rich_help_panel=_VOCABULARY,
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
        autocompletion=signals,
    ),
]
DistillFrom = Annotated[
    str | None,
    typer.Option(
        metavar="CLASSIFIER",
        help="Learn from this classifier instead of the teacher: folder or hub id; user/name@REVISION pins it.",
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
Augment = Annotated[
    int | None,
    typer.Option(
        help="Altered copies of each training text for the teacher to label. An epoch takes longer by as many. "
        "[default: 0]",
        rich_help_panel=_DISTILLATION,
        show_default=False,
    ),
]
Unlabelled = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FILE",
        help="Further texts for the teacher to label: one a line, or a data file. May be given again.",
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
