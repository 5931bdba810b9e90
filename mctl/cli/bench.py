"""`mctl bench`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mctl.cli import options
from mctl.cli.completion import choices_of

_CALLS = "What is timed"
_AGAINST = "Against what"
_COSTS = "Memory and energy"

Batch = Annotated[
    str | None,
    typer.Option(metavar="N,N,...", help="Texts a call. [default: 1,8,32]", rich_help_panel=_CALLS, show_default=False),
]
Length = Annotated[
    str | None,
    typer.Option(
        metavar="N,N,...",
        help="Tokens of every text. [default: 32,128, as far as the models reach]",
        rich_help_panel=_CALLS,
        show_default=False,
    ),
]
Provider = Annotated[
    str | None,
    typer.Option(
        help="cpu or cuda. [default: cpu]",
        rich_help_panel=_CALLS,
        show_default=False,
        autocompletion=choices_of("bench.provider"),
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(help="Threads of both runtimes. [default: all cores]", rich_help_panel=_CALLS, show_default=False),
]
Warmup = Annotated[
    int | None,
    typer.Option(help="Rounds before the clock counts. [default: 3]", rich_help_panel=_CALLS, show_default=False),
]
Rounds = Annotated[
    int | None,
    typer.Option(help="Timed rounds of each point. [default: by time]", rich_help_panel=_CALLS, show_default=False),
]
SecondsPerPoint = Annotated[
    float | None,
    typer.Option(help="As many rounds as fit, 10 to 500. [default: 10]", rich_help_panel=_CALLS, show_default=False),
]
Samples = Annotated[bool, typer.Option("--samples", help="Keep every single time in the JSON.", rich_help_panel=_CALLS)]
Baseline = Annotated[
    str | None,
    typer.Option(
        metavar="FOLDER|none",
        help="Artifact that ratios are against. [default: the PyTorch teacher]",
        rich_help_panel=_AGAINST,
        show_default=False,
    ),
]
Torch = Annotated[
    bool | None,
    typer.Option(
        "--torch/--no-torch",
        help="Time the PyTorch teacher too. Without it, the first artifact is the baseline. [default: torch]",
        rich_help_panel=_AGAINST,
        show_default=False,
    ),
]
Memory = Annotated[
    bool | None,
    typer.Option(
        "--memory/--no-memory",
        help="Peak memory of each model, alone in a process. [default: memory]",
        rich_help_panel=_COSTS,
        show_default=False,
    ),
]
Energy = Annotated[
    bool | None,
    typer.Option(
        "--energy/--no-energy",
        help="Measure or estimate energy. [default: energy]",
        rich_help_panel=_COSTS,
        show_default=False,
    ),
]
Country = Annotated[
    str | None,
    typer.Option(
        help="Three-letter code of the electricity grid. [default: IND]", rich_help_panel=_COSTS, show_default=False
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        help="Folder for bench.json, bench.md and bench.svg. [default: bench in the folder of artifacts]",
        show_default=False,
        callback=options.at_home,
    ),
]


def bench(
    artifact: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Exports or PyTorch artifacts. By default every export.", show_default=False, callback=options.at_home
        ),
    ] = None,
    batch: Batch = None,
    length: Length = None,
    provider: Provider = None,
    threads: Threads = None,
    warmup: Warmup = None,
    rounds: Rounds = None,
    seconds_per_point: SecondsPerPoint = None,
    samples: Samples = False,
    baseline: Baseline = None,
    torch: Torch = None,
    memory: Memory = None,
    energy: Energy = None,
    country: Country = None,
    json: Annotated[bool, typer.Option("--json", help="The whole result as JSON on stdout.")] = False,
    out: Out = None,
    artifacts: options.Artifacts = None,
    config: options.Config = None,
    quiet: options.Quiet = False,
) -> None:
    """Time artifacts side by side: latency over batch sizes and lengths, throughput, memory, energy.

    All of them have a turn in every round, on the same random ids. Every ratio comes with its 95 % interval.

    Examples:

        mctl bench

        mctl bench artifacts/teacher-fp32 artifacts/prune50-fp32 --batch 1,8 --length 64 --threads 1

        mctl bench --no-torch --no-energy --json | jq .points
    """
    from mctl.cli.next_step import command
    from mctl.cli.recipe_at_hand import recipe_at_hand
    from mctl.cli.streams import stdout_for_programs
    from mctl.pipeline.bench import bench as run
    from mctl.report.bench_files import as_json, check_folder, write_reports
    from mctl.report.bench_terminal import show
    from mctl.report.console import open_console

    recipe, config = recipe_at_hand(
        config,
        {
            "artifacts": artifacts,
            "bench.batch": batch,
            "bench.length": length,
            "bench.provider": provider,
            "bench.threads": threads,
            "bench.warmup": warmup,
            "bench.rounds": rounds,
            "bench.seconds_per_point": seconds_per_point,
            "bench.baseline": baseline,
            "bench.torch": torch,
            "bench.memory": memory,
            "bench.energy": energy,
            "bench.country": country,
        },
        artifact,
    )
    named = ["--artifacts", artifacts] if artifacts else []
    folder = out or recipe.artifacts / "bench"
    check_folder(folder)
    with open_console(quiet) as console:
        result = run(recipe, console, artifact or (), samples=samples)
        if json:
            typer.echo(as_json(result), file=stdout_for_programs())
        else:
            show(result, console.results)
        console.say(f"wrote {', '.join(map(str, write_reports(result, folder)))}")
        console.say(command("inspect", artifact[0]) if artifact else command("validate", *named, config=config))
