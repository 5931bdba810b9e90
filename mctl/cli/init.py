"""`mctl init`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mctl.cli import options

if TYPE_CHECKING:
    from mctl.recipe import Recipe

# What a recipe says of its own accord: the settings that most people change.
_LINES = (
    "artifacts",
    "finetune.epochs",
    "finetune.learning_rate",
    "compress.prune",
    "compress.ramp_epochs",
    "compress.recovery_epochs",
    "compress.learning_rate",
    "export.precision",
    "gate.max_accuracy_drop",
    "gate.max_macro_f1_drop",
    "gate.max_slice_drop",
    "measure.country",
)


def init(
    model: options.Model = None,
    data: options.Data = None,
    text: options.TextColumn = None,
    label: options.LabelColumn = None,
    sheet: options.Sheet = None,
    test: options.Test = None,
    teacher: options.Teacher = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.", callback=options.at_home)] = Path(
        "mctl.toml"
    ),
    full: Annotated[bool, typer.Option("--full", help="Write every setting with its default.")] = False,
    force: Annotated[bool, typer.Option("--force", "-f", help="Replace a file that is there.")] = False,
    quiet: options.Quiet = False,
) -> None:
    """Look at data and model, and write the **mctl.toml** that `mctl run` needs.

    With it, `mctl run` fine-tunes a teacher (or takes yours), prunes and distils it, exports the student and judges
    it.

    Examples:

        mctl init --model l3cube-pune/marathi-bert-v2 --data news.csv

        mctl init --model ./encoder --data messages.xlsx --text message --label feeling

        mctl init --teacher ./my-classifier --data news.csv --test held-out.csv
    """
    from mctl.cli.next_step import command
    from mctl.errors import UserError
    from mctl.output_file import check_output_file, writing_output
    from mctl.pipeline.inherit import DEFAULT_MAX_LENGTH
    from mctl.pipeline.preflight import check_paths
    from mctl.recipe import load_recipe
    from mctl.recipe_file import brief_recipe, recipe_text
    from mctl.recipe_paths import seen_from
    from mctl.report.console import open_console

    if model is not None and teacher is not None:
        raise UserError("an encoder to fine-tune or a teacher that is fine-tuned, not both.", where="--model --teacher")
    check_output_file(output, "--output", replace=force)
    named = {
        **{"model.name": model, "data.source": data, "data.text": text, "data.label": label, "data.sheet": sheet},
        **{"data.test": test, "compress.teacher": teacher},
    }
    with open_console(quiet) as console:
        recipe = load_recipe(None, named, read=False)
        check_paths(recipe, teacher or model)
        from mctl.pipeline.first_look import look  # Imports torch.

        found, positions = look(recipe, console)
        given: dict[str, object] = {
            key: seen_from(output.parent, key, value) for key, value in named.items() if value is not None
        }
        if not full:
            if found is not None:
                given |= {"data.text": found.dataset.columns.text, "data.label": found.dataset.columns.label}
            if positions is not None:
                given["model.max_length"] = min(positions, DEFAULT_MAX_LENGTH)
            given |= {key: _value(recipe, key) for key in _LINES if key not in given}
            given |= {"compress.distill": True}
            if teacher is not None:
                given = {key: value for key, value in given.items() if not key.startswith("finetune.")}
        with writing_output(output, "--output", replace=force) as file:
            file.write(recipe_text(given) if full else brief_recipe(given))
        typer.echo(str(output))
        if data is None or (model is None and teacher is None):
            console.say(f"{output} names no data or no model yet: write them into it, or let `mctl init` look at them.")
            start = {"--teacher": teacher} if teacher else {"--model": model or "FOLDER_OR_HUB_ID"}
            of_data = {"--data": data or "FILE", "--text": text, "--label": label, "--sheet": sheet, "--test": test}
            words = [word for flag, value in (of_data | start).items() if value is not None for word in (flag, value)]
            console.say(command("init", *words, *(["--full"] if full else []), "--output", output, "--force"))
        else:
            console.say(command("run", config=output))


def _value(recipe: Recipe, dotted: str) -> object:
    section, _, key = dotted.partition(".")
    value = getattr(recipe, section)
    return getattr(value, key) if key else value
