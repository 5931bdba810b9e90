"""Options that several commands share, declared once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mctl.cli.completion import choices_of
from mctl.exit_codes import ExitCode

if TYPE_CHECKING:
    from mctl.recipe import GateSettings
    from mctl.report.console import TerminalProgress
    from mctl.report.schema import ValidationResult

_CODES = {"pass": ExitCode.DONE, "fail": ExitCode.FAIL, "inconclusive": ExitCode.INCONCLUSIVE}
_INPUT = "What goes in"
_TRAINING = "Training"


def at_home(parameter: typer.CallbackParam, value: Any) -> Any:
    """A path, or each path of a list, with the home folder in the place of `~`: a callback of typer's."""
    from mctl.recipe_paths import expanded

    if isinstance(value, list | tuple):
        return [at_home(parameter, one) for one in value]
    return value if value is None else Path(expanded(value, parameter.opts[0]))


Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="Recipe to read instead of ./mctl.toml.", show_default=False, callback=at_home),
]
Artifacts = Annotated[
    Path | None,
    typer.Option(help="Folder of all artifacts. [default: artifacts]", show_default=False, callback=at_home),
]


def _errors_only(quiet: bool) -> bool:
    """Have the library log nothing below an error: a callback of typer's."""
    import logging

    logging.getLogger("mctl").setLevel(logging.ERROR if quiet else logging.WARNING)
    return quiet


Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.", callback=_errors_only)]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Show all checks and the figures of all three models.")]
Data = Annotated[
    str | None,
    typer.Option(
        help="CSV, TSV, JSONL, JSON, Parquet or XLSX file, folder of splits, or hub id.",
        rich_help_panel=_INPUT,
        show_default=False,
    ),
]
Test = Annotated[
    str | None,
    typer.Option(
        "--test",
        metavar="FILE",
        help="File of labelled texts to test on, used whole. [default: a fifth of the data]",
        rich_help_panel=_INPUT,
        show_default=False,
    ),
]
Sheet = Annotated[
    str | None,
    typer.Option(help="Sheet of an Excel workbook. [default: the first]", rich_help_panel=_INPUT, show_default=False),
]
MaxDropped = Annotated[
    float | None,
    typer.Option(
        metavar="PERCENT",
        help="Refuse data of which cleaning drops a larger share of the rows.",
        rich_help_panel=_INPUT,
        show_default=False,
    ),
]
TextColumn = Annotated[
    str | None,
    typer.Option("--text", help="Column of the texts. Found by name.", rich_help_panel=_INPUT, show_default=False),
]
LabelColumn = Annotated[
    str | None,
    typer.Option("--label", help="Column of the labels. Found by name.", rich_help_panel=_INPUT, show_default=False),
]
Model = Annotated[
    str | None,
    typer.Option(
        help="Encoder to fine-tune: folder or hub id; user/name@REVISION pins it.",
        rich_help_panel=_INPUT,
        show_default=False,
    ),
]
Teacher = Annotated[
    str | None,
    typer.Option(
        help="Classifier that is fine-tuned already: folder or hub id; user/name@REVISION pins it.",
        rich_help_panel=_INPUT,
        show_default=False,
    ),
]
MaxLength = Annotated[
    int | None,
    typer.Option(help="Cut texts to this many tokens. [default: 128]", rich_help_panel=_INPUT, show_default=False),
]
TrustRemoteCode = Annotated[
    bool | None,
    typer.Option(
        "--trust-remote-code",
        help="Execute Python files that come with the model.",
        rich_help_panel=_INPUT,
        show_default=False,
    ),
]
BatchSize = Annotated[
    int | None,
    typer.Option(help="Texts per step. [default: 32]", rich_help_panel=_TRAINING, show_default=False),
]
LearningRate = Annotated[
    float | None,
    typer.Option(help="Peak learning rate. [default: 5e-5]", rich_help_panel=_TRAINING, show_default=False),
]
FreezeEmbeddings = Annotated[
    bool | None,
    typer.Option(
        help="Keep embeddings as they are. By default where they are most of the model.",
        rich_help_panel=_TRAINING,
        show_default=False,
    ),
]
MixedPrecision = Annotated[
    str | None,
    typer.Option(
        help="Number format of matrix products in training: no, bf16 or fp16. [default: no]",
        rich_help_panel=_TRAINING,
        show_default=False,
        autocompletion=choices_of("compress.mixed_precision"),
    ),
]
GradientAccumulation = Annotated[
    int | None,
    typer.Option(
        help="Forward passes per step of the optimizer. [default: 1]", rich_help_panel=_TRAINING, show_default=False
    ),
]
GradientCheckpointing = Annotated[
    bool | None,
    typer.Option(
        "--gradient-checkpointing",
        help="Compute activations twice, to hold fewer of them.",
        rich_help_panel=_TRAINING,
        show_default=False,
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(help="Seed of all that is random. [default: 42]", rich_help_panel=_TRAINING, show_default=False),
]


def last_line(next_step: str, data: Mapping[str, Any]) -> str:
    """The last line of a command: how many rows were dropped, where they are many, and what to do next.

    Args:
        next_step: names the next command.
        data: of a manifest or a verdict; one of version 0.1.0 does not count dropped rows.
    """
    from mctl.report.dropped import is_much, told_share

    dropped = data.get("dropped")
    return f"data: {told_share(dropped)}; {next_step}" if dropped and is_much(dropped) else next_step


def report(
    result: ValidationResult,
    console: TerminalProgress,
    gate: GateSettings,
    folder: Path,
    *,
    as_json: bool = False,
    verbose: bool = False,
) -> int:
    """Print a validation on stdout, say where its page is, and add it to the page of the step where GitHub runs it.

    Where stdout is JSON, one line on stderr has the verdict and its reason, also with `--quiet`.

    Returns:
        The exit code that is the verdict: 0 pass, 1 fail, 3 inconclusive unless the gate says otherwise.
    """
    import os

    from mctl.cli.streams import reader_may_leave, stdout_for_programs
    from mctl.report.plain import plain
    from mctl.report.reason import provider_of, reason_of
    from mctl.report.step_summary import append_step_summary
    from mctl.report.terminal import show
    from mctl.report.verdict_files import FORMATS, NAMES

    with reader_may_leave():
        if as_json:
            typer.echo(FORMATS["json"](result, Path()).decode(), nl=False, file=stdout_for_programs())
        else:
            show(result, console.results, verbose=verbose)
    if as_json:
        with reader_may_leave():
            typer.echo(plain(f"{result.verdict}: {reason_of(result)}"), err=True)
    console.say(f"report: {folder / NAMES[provider_of(result)]['html']}")
    append_step_summary(result, os.environ)
    verdict = gate.on_inconclusive if result.verdict == "inconclusive" else result.verdict
    return _CODES[verdict]
