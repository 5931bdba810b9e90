"""`mctl predict`"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Literal

import typer

from mctl.cli import options

# JSON escapes the controls of ASCII alone; some terminals obey these too.
_CONTROL = re.compile("[\x7f-\x9f]")


def predict(
    texts: Annotated[
        list[str] | None,
        typer.Argument(help="Texts to label. Without any, one text a line is read from stdin.", show_default=False),
    ] = None,
    artifact: Annotated[
        Path | None,
        typer.Option(
            "--artifact",
            "-a",
            help="Artifact to ask. By default the newest export.",
            show_default=False,
            callback=options.at_home,
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    batch_size: Annotated[int, typer.Option(min=1, help="Texts a call.")] = 32,
    provider: Annotated[Literal["cpu", "cuda"], typer.Option(help="Where it runs.")] = "cpu",
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of a call. [default: all cores]", show_default=False)
    ] = None,
    artifacts: options.Artifacts = None,
    config: options.Config = None,
    quiet: options.Quiet = False,
) -> None:
    """Label texts: label, probability and text, separated by tabs.

    Examples:

        mctl predict "मुंबईत आज जोरदार पाऊस"

        cut -f1 news.tsv | mctl predict --json > labels.jsonl
    """
    import json as encoder

    from mctl.pipeline.predict import TextClassifier, open_artifact
    from mctl.recipe import load_recipe
    from mctl.report.console import open_console
    from mctl.report.plain import plain

    recipe = load_recipe(config, {"artifacts": artifacts})
    with open_console(quiet) as console:
        opened = open_artifact(recipe.artifacts, artifact, console)
        lines = _whole(enumerate(texts, 1), "text") if texts else _from_stdin()
        for one in TextClassifier(opened, provider, threads)(lines, batch_size):
            if json:
                row = {"label": one.label, "probability": round(one.probability, 6), "text": one.text}
                typer.echo(_CONTROL.sub(_escape, encoder.dumps(row, ensure_ascii=False)))
            else:
                typer.echo("\t".join((plain(one.label), f"{one.probability:.4f}", plain(one.text))))


def _escape(found: re.Match[str]) -> str:
    return f"\\u{ord(found.group()):04x}"


def _from_stdin() -> Iterator[str]:
    """One text a line, as UTF-8 whatever the locale says."""
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape")
    return _whole(((number, line.rstrip("\r\n")) for number, line in enumerate(sys.stdin, 1)), "stdin, line")


def _whole(texts: Iterable[tuple[int, str]], place: str) -> Iterator[str]:
    """The texts, as long as they are text: bytes that are not UTF-8 come as lone surrogates."""
    from mctl.errors import UserError

    for number, text in texts:
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise UserError("this is not UTF-8.", where=f"{place} {number}", todo="Convert it, as with `iconv`.")
        yield text
