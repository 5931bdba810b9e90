"""All commands, in the order in which people need them."""

from __future__ import annotations

import typer

from mctl.cli.compress import compress
from mctl.cli.doctor import doctor
from mctl.cli.export import export
from mctl.cli.finetune import finetune
from mctl.cli.init import init
from mctl.cli.inspect import inspect
from mctl.cli.predict import predict
from mctl.cli.quickstart import quickstart
from mctl.cli.run import run
from mctl.cli.validate import validate

app = typer.Typer(
    name="mctl",
    help="From a fine-tuned Transformers classifier to a smaller, faster artifact that is proven fit to release.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (quickstart, init, run, finetune, compress, export, validate, inspect, predict, doctor):
    app.command()(command)
