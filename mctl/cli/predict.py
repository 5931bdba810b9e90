"""`mctl predict`"""

from __future__ import annotations

import io
import logging
import re
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, BinaryIO, Literal, NoReturn

import typer

from mctl.cli import options

if TYPE_CHECKING:
    from mctl.pipeline.predict import Prediction
    from mctl.progress import Progress

logger = logging.getLogger(__name__)

# JSON escapes the controls of ASCII alone; some terminals obey these too.
_LONGEST_NAME = 4096
_MODELS = (".onnx", ".safetensors")
_CONTROL = re.compile("[\x7f-\x9f]")


def predict(
    texts: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TEXT...|FILE|-]",
            help="Texts to label, or a file with a column of texts. Without any, one text a line is read from stdin.",
            show_default=False,
        ),
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
    text: Annotated[
        str | None,
        typer.Option("--text", help="Column of the texts. [default: as in training]", show_default=False),
    ] = None,
    quotes: Annotated[
        Literal["checked", "trusted", "none", "backslash"] | None,
        typer.Option("--quotes", help="What double quotes in CSV and TSV mean. [default: checked]", show_default=False),
    ] = None,
    format: Annotated[
        Literal["csv", "tsv", "jsonl"] | None,
        typer.Option("--format", help="stdin, or the file, is such a table.", show_default=False),
    ] = None,
    sheet: options.Sheet = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="File to write instead of stdout.", show_default=False, callback=options.at_home
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", "-f", help="Replace a file that is there.")] = False,
    top_k: Annotated[int, typer.Option("--top-k", "-k", min=1, help="Labels a text, the likeliest first.")] = 1,
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

    Of a **file** (CSV, TSV, JSONL and what else training reads) all columns are kept, and label and probability are
    added: CSV gives CSV, TSV gives TSV, JSON gives JSONL. Texts are cleaned as in training. Where the file has labels
    of the model too, the share of rows that get theirs is said.

    Examples:

        mctl predict "मुंबईत आज जोरदार पाऊस"

        mctl predict news.csv --output labelled.csv

        cut -f1 news.tsv | mctl predict --json > labels.jsonl
    """
    source = _table_in(texts, format, {"--text": text, "--sheet": sheet, "--quotes": quotes})
    from mctl.cli.next_step import NextStep
    from mctl.cli.recipe_at_hand import recipe_at_hand
    from mctl.cli.streams import stdout_for_programs
    from mctl.data.table import Dialect
    from mctl.output_file import writing_output
    from mctl.pipeline.inherit import label_spelling_of
    from mctl.pipeline.predict import TextClassifier, open_artifact
    from mctl.pipeline.predict_table import check_ending, label_table, write_rows, written_as
    from mctl.report.console import open_console

    flags = {"artifacts": artifacts, "data.sheet": sheet, "data.quotes": quotes}
    recipe, config = recipe_at_hand(config, flags, artifact)
    if output is not None:
        check_ending(output)
    stdout = sys.stdout if source is None and not json else stdout_for_programs()
    with (
        open_console(quiet) as console,
        nullcontext(stdout) if output is None else writing_output(output, "--output", replace=force) as out,
    ):
        opened = open_artifact(recipe.artifacts, artifact, console)
        classifier = TextClassifier(opened, provider, threads)
        if source is None:
            given = [] if texts == ["-"] else texts
            lines = _whole(enumerate(given, 1), "text") if given else _from_stdin(console)
            _write_lines(classifier(lines, batch_size, top_k), out, json=json)
        else:
            kind = "jsonl" if json else written_as(output or format or source)
            dialect = Dialect(recipe.data.quotes, recipe.data.sheet)
            console.start("predict", 0)
            table = label_table(
                classifier,
                source,
                format,
                dialect=dialect,
                label_spelling=label_spelling_of(opened, recipe),
                column=text,
                batch_size=batch_size,
                top_k=top_k,
                progress=console,
            )
            write_rows(table.header, table.rows, out, kind)
            console.finish()
            for line in table.told():
                console.say(line)
    if output is not None:
        console.say(f"wrote {output}")
    console.say(NextStep(recipe, config, artifacts).after_prediction(opened, of_file=isinstance(source, Path)))


def _table_in(
    texts: list[str] | None, format: str | None, of_tables: Mapping[str, str | None]
) -> Path | BinaryIO | None:
    """The file among the arguments, or stdin where it is said to be a table; None: the arguments are texts.

    Args:
        texts: the arguments.
        format: of the table, as the user says.
        of_tables: flags that only a table has a use for.
    """
    found = _table_named(texts, format)
    flags = [name for name, value in {**of_tables, "--format": format}.items() if value is not None]
    if found is None and flags:
        _refuse_without_table(flags[0], of_tables["--text"], texts)
    return found


def _refuse_without_table(flag: str, column: str | None, texts: list[str] | None) -> NoReturn:
    from mctl.errors import UserError

    if flag == "--text" and not texts:
        as_text = f"If it is the text itself: mctl predict {shlex.quote(str(column))}"
        raise UserError(
            "this names a column of a file, and no file is named.", where=f"--text {column}", todo=f"{as_text}."
        )
    raise UserError(
        "this is of a file with columns, and none is named.",
        where=flag,
        todo="Name the file, leave the flag out, or say with --format what comes on standard input.",
    )


def _table_named(texts: list[str] | None, format: str | None) -> Path | BinaryIO | None:
    from mctl.data.read import has_reader
    from mctl.errors import UserError
    from mctl.recipe_paths import expanded

    if format is not None and (not texts or texts == ["-"]):
        return sys.stdin.buffer
    if not texts:
        return None
    files = [text for text in texts if len(text) < _LONGEST_NAME and _is_file(text)]
    named = [text for text in texts if not any(map(str.isspace, text)) and has_reader(Path(text))]
    if not files and not named:
        return None
    where = (files or named)[0]
    if model := next((name for name in files if Path(name).suffix in _MODELS), None):
        ask = f"mctl predict --artifact {shlex.quote(str(Path(model).parent))} TEXT"
        raise UserError("this is a model, and no file of texts.", where=model, todo=f"Ask it with `{ask}`.")
    if len(texts) > 1:
        raise UserError("one file at a time, with no texts beside it.", where=where, todo="Run mctl once for each.")
    if not files:
        raise UserError("there is no such file.", where=where, todo="Check the path. A text can be given on stdin.")
    if not named and format is None and not has_reader(Path(where)):
        raise UserError(
            "this is a file whose ending says no kind of table.",
            where=where,
            todo=f"Name the --format. If it has a text a line, `mctl predict < {where}` reads it.",
        )
    return Path(expanded(where, "FILE"))


def _is_file(text: str) -> bool:
    from mctl.errors import UserError
    from mctl.recipe_paths import expanded

    try:
        return Path(expanded(text, "FILE")).is_file()
    except (OSError, UserError, ValueError):  # Too long or no name at all, or the home of nobody: a text.
        return False


def _write_lines(found: Iterable[Prediction], out: IO[str], *, json: bool) -> None:
    import json as encoder

    from mctl.report.plain import plain

    for one in found:
        if json:
            row: dict[str, object] = {"label": one.label, "probability": round(one.probability, 6), "text": one.text}
            if len(one.ranked) > 1:
                row["ranked"] = [{"label": label, "probability": round(share, 6)} for label, share in one.ranked]
            line = _CONTROL.sub(_escape, encoder.dumps(row, ensure_ascii=False))
        else:
            ranked = [field for label, share in one.ranked for field in (plain(label), f"{share:.4f}")]
            line = "\t".join((*ranked, plain(one.text)))
        typer.echo(line, file=out)


def _escape(found: re.Match[str]) -> str:
    return f"\\u{ord(found.group()):04x}"


def _from_stdin(console: Progress) -> Iterator[str]:
    """One text a line, as UTF-8 whatever the locale says. A first line that looks like a table's is told."""
    if sys.stdin.isatty():
        console.say("reading one text a line from the terminal; Ctrl-D ends it")
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape")
    lines = ((number, line.rstrip("\r\n")) for number, line in enumerate(sys.stdin, 1))
    for place, text in enumerate(_whole(lines, "stdin, line")):
        if not place and (format := _format_of(text)):
            logger.warning("stdin looks like %s, and each line is labelled as a text; --format %s", *format)
        yield text


def _format_of(line: str) -> tuple[str, str] | None:
    """What table a first line may be of, for people and for `--format`: an object of JSON, or a header."""
    import json as decoder

    from mctl.data.columns import TEXT_NAMES
    from mctl.data.text import folded

    line = line.lstrip("\ufeff")
    if line.startswith("{"):
        try:
            decoder.loads(line)
        except ValueError:
            return None
        return "JSONL", "jsonl"
    for format, separator in (("tsv", "\t"), ("csv", ","), ("csv", ";")):
        names = [folded(name.strip('"')) for name in line.split(separator)]
        if len(names) > 1 and not TEXT_NAMES.isdisjoint(names):
            return format.upper(), format
    return None


def _whole(texts: Iterable[tuple[int, str]], place: str) -> Iterator[str]:
    """The texts, as long as they are text: bytes that are not UTF-8 come as lone surrogates."""
    from mctl.errors import UserError

    for number, text in texts:
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise UserError("this is not UTF-8.", where=f"{place} {number}", todo="Convert it, as with `iconv`.")
        yield text
