"""`mctl init`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mctl.cli import options


def init(
    model: options.Model = None,
    data: options.Data = None,
    teacher: options.Teacher = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.", callback=options.at_home)] = Path(
        "mctl.toml"
    ),
    force: Annotated[bool, typer.Option("--force", "-f", help="Replace a file that is there.")] = False,
) -> None:
    """Write a commented **mctl.toml** with every setting and its default.

    Examples:

        mctl init --model l3cube-pune/marathi-bert-v2 --data news.csv

        mctl init --teacher ./my-classifier --data splits/
    """
    from mctl.artifact import make_folder, write_atomically
    from mctl.errors import UserError
    from mctl.recipe_file import recipe_text

    if output.is_dir():
        raise UserError("this is a folder.", where=str(output), todo="Name a file with --output.")
    if output.exists() and not force:
        raise UserError("it is there already.", where=str(output), todo="Replace it with --force.")
    given = {"model.name": model, "data.source": data, "compress.teacher": teacher}
    text = recipe_text({key: value for key, value in given.items() if value is not None})
    make_folder(output.parent)
    write_atomically(output, text.encode())
    typer.echo(str(output))
