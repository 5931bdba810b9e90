"""`mctl validate`"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from mctl.cli import options

_GATE = "Gate"
_MEASURE = "Measurement"

Artifact = Annotated[
    Path | None,
    typer.Argument(help="Export to judge. By default the newest.", show_default=False, callback=options.at_home),
]
MaxAccuracyDrop = Annotated[
    float | None,
    typer.Option(help="Points of accuracy below the baseline. [default: 1]", rich_help_panel=_GATE, show_default=False),
]
MaxMacroF1Drop = Annotated[
    float | None,
    typer.Option(help="Points of macro-F1 below the baseline. [default: 2]", rich_help_panel=_GATE, show_default=False),
]
MaxSliceDrop = Annotated[
    float | None,
    typer.Option(
        help="Points that one class, or texts of one length, may lose. [default: 5]",
        rich_help_panel=_GATE,
        show_default=False,
    ),
]
OnInconclusive = Annotated[
    Literal["pass", "fail", "inconclusive"] | None,
    typer.Option(
        help="What the exit code says where figures cannot decide: 0, 1 or 3. [default: inconclusive]",
        rich_help_panel=_GATE,
        show_default=False,
    ),
]
Against = Annotated[
    Path | None,
    typer.Option(
        help="validation.json of the last release: what got worse is judged too.",
        rich_help_panel=_GATE,
        show_default=False,
        callback=options.at_home,
    ),
]
UnseenData = Annotated[
    bool | None,
    typer.Option(
        "--unseen-data",
        help="Nothing was trained on the texts of --data, or of compress --test, where mctl cannot know.",
        rich_help_panel=_GATE,
        show_default=False,
    ),
]
MinLabelAgreement = Annotated[
    float | None,
    typer.Option(
        help="Share of equal labels, export and source. [default: by precision]",
        rich_help_panel=_GATE,
        show_default=False,
    ),
]
MaxLogitDiff = Annotated[
    float | None,
    typer.Option(help="Largest logit difference. [default: by precision]", rich_help_panel=_GATE, show_default=False),
]
MinSpeedup = Annotated[
    float | None,
    typer.Option(
        help="Median latency of the baseline over the export's. [default: reported only]",
        rich_help_panel=_GATE,
        show_default=False,
    ),
]
MaxP95Ms = Annotated[
    float | None,
    typer.Option(
        "--max-p95-ms", help="p95 of a call. [default: reported only]", rich_help_panel=_GATE, show_default=False
    ),
]
Provider = Annotated[
    str | None,
    typer.Option(help="cpu or cuda. [default: cpu]", rich_help_panel=_MEASURE, show_default=False),
]
Threads = Annotated[
    int | None,
    typer.Option(help="Threads of both runtimes. [default: all cores]", rich_help_panel=_MEASURE, show_default=False),
]
BatchSize = Annotated[
    int | None,
    typer.Option(help="Texts a call. [default: 8]", rich_help_panel=_MEASURE, show_default=False),
]
Repeats = Annotated[
    int | None,
    typer.Option(help="Rounds over the timed batches. [default: 5]", rich_help_panel=_MEASURE, show_default=False),
]
Emissions = Annotated[
    bool | None,
    typer.Option(
        "--emissions/--no-emissions",
        help="Measure or estimate energy. [default: emissions]",
        rich_help_panel=_MEASURE,
        show_default=False,
    ),
]
Country = Annotated[
    str | None,
    typer.Option(
        help="Three-letter code of the electricity grid. [default: IND]",
        rich_help_panel=_MEASURE,
        show_default=False,
    ),
]


def validate(
    artifact: Artifact = None,
    data: options.Data = None,
    text: options.TextColumn = None,
    label: options.LabelColumn = None,
    sheet: options.Sheet = None,
    max_dropped: options.MaxDropped = None,
    max_accuracy_drop: MaxAccuracyDrop = None,
    max_macro_f1_drop: MaxMacroF1Drop = None,
    max_slice_drop: MaxSliceDrop = None,
    min_label_agreement: MinLabelAgreement = None,
    max_logit_diff: MaxLogitDiff = None,
    min_speedup: MinSpeedup = None,
    max_p95_ms: MaxP95Ms = None,
    on_inconclusive: OnInconclusive = None,
    unseen_data: UnseenData = None,
    against: Against = None,
    provider: Provider = None,
    threads: Threads = None,
    batch_size: BatchSize = None,
    repeats: Repeats = None,
    emissions: Emissions = None,
    country: Country = None,
    json: Annotated[bool, typer.Option("--json", help="The whole result as JSON on stdout.")] = False,
    artifacts: options.Artifacts = None,
    config: options.Config = None,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
) -> None:
    """Judge an export: integrity, parity, accuracy, latency, emissions. The **exit code** is the verdict.

    0 pass, 1 fail, 2 bad usage or input, 3 inconclusive, or as --on-inconclusive says. The result is written to
    validation.json in the artifact, on CUDA to validation-cuda.json; verdicts/ keeps all. A teacher that was made
    elsewhere may have learnt the test texts: accuracy is then judged on --data FILE with --unseen-data alone.

    Examples:

        mctl validate

        mctl validate artifacts/prune25-distill-fp32 --min-speedup 2 --data news.csv

        mctl validate --against release/validation.json

        mctl validate --json | jq .verdict
    """
    from mctl.cli.next_step import NextStep
    from mctl.cli.recipe_at_hand import recipe_at_hand
    from mctl.cli.refused_validation import leave_report
    from mctl.data.settings import DEFAULT_TEST_SHARE
    from mctl.pipeline.validate import validate as run
    from mctl.report.console import open_console
    from mctl.report.step_summary import check_step_summary

    try:
        check_step_summary(os.environ)
        recipe, config = recipe_at_hand(
            config,
            {
                "artifacts": artifacts,
                "data.source": data,
                # A share or a file in mctl.toml belongs to the data there.
                "data.test": None if data is None else DEFAULT_TEST_SHARE,
                "data.text": text,
                "data.label": label,
                "data.sheet": sheet,
                "data.max_dropped": max_dropped,
                "gate.max_accuracy_drop": max_accuracy_drop,
                "gate.max_macro_f1_drop": max_macro_f1_drop,
                "gate.max_slice_drop": max_slice_drop,
                "gate.on_inconclusive": on_inconclusive,
                "gate.unseen_data": unseen_data,
                "gate.against": against,
                "gate.min_label_agreement": min_label_agreement,
                "gate.max_logit_diff": max_logit_diff,
                "gate.min_speedup": min_speedup,
                "gate.max_p95_ms": max_p95_ms,
                "measure.provider": provider,
                "measure.threads": threads,
                "measure.batch_size": batch_size,
                "measure.repeats": repeats,
                "measure.emissions": emissions,
                "measure.country": country,
            },
            artifact,
        )
    except Exception as error:
        leave_report(error, artifact, config, artifacts, provider)
        raise
    with open_console(quiet) as console:
        result = run(recipe, console, artifact)
    folder = artifact or recipe.artifacts / result.artifact
    code = options.report(result, console, recipe.gate, folder, as_json=json, verbose=verbose)
    next_step = NextStep(recipe, config, artifacts).after_verdict(result, folder, seen=verbose)
    console.say(options.last_line(next_step, result.data))
    raise typer.Exit(code)
