"""Model cards: README.md with Hugging Face metadata, of PyTorch artifacts and of exports with their verdict."""

from __future__ import annotations

import html
import json
import re
from pathlib import PurePath

from jinja2 import Environment, PackageLoader, StrictUndefined

from mctl.artifact import Manifest
from mctl.data.sources import is_hub_id
from mctl.report.check_rows import told
from mctl.report.key_figures import key_figures
from mctl.report.plain import plain
from mctl.report.reason import provider_of
from mctl.report.rows import percent
from mctl.report.schema import ValidationResult

# What may not stand in YAML as it is (YAML 1.2, production 1), and what would look like HTML.
_UNPRINTABLE = re.compile("[<>&\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def model_card(manifest: Manifest) -> str:
    """A card in Markdown, from what the manifest knows.

    Names, sources and class names come from the user's data: they are escaped, so that none of them becomes markup.
    """
    return _environment().get_template("card.md.j2").render(manifest.model_dump())


def export_card(result: ValidationResult, manifest: Manifest | None = None) -> str:
    """The same of an export and its verdict; where there is none, of why there is none.

    Args:
        result: what was judged.
        manifest: of the export; None where it is not whole: then nothing is said of the data's cleaning, and texts
            are cut as the tokenizer has it.
    """
    if result.error is not None:
        return _environment().get_template("error_card.md.j2").render(result=result, error=told(result.error))
    return (
        _environment()
        .get_template("export_card.md.j2")
        .render(
            result=result,
            provider=provider_of(result),
            export=result.participants["export"],
            baseline=result.participants["baseline"],
            accuracy=result.comparison.accuracy if result.comparison else None,
            speed=next(figure.value for figure in key_figures(result) if figure.name == "speed"),
            making=result.making,
            percent=percent,
            max_length=manifest.facts.get("max_length") if manifest else None,
            dropped=manifest.data.get("dropped") if manifest else None,
        )
    )


def card_of_0_1_0(result: ValidationResult) -> str:
    """The card that version 0.1.0 wrote from this result; it bears no sign, so it is known by its content."""
    return (
        _environment()
        .get_template("export_card_0_1_0.md.j2")
        .render(
            result=result,
            export=result.participants["export"],
            baseline=result.participants["baseline"],
            accuracy=result.comparison.accuracy if result.comparison else None,
            making=result.making,
            percent=percent,
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("mctl.report"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown, not HTML: `md` does the escaping, and in the metadata `yaml`.
    )
    environment.filters |= {"md": escaped, "yaml": _yaml, "source": _source}
    return environment


def escaped(text: str) -> str:
    """Text that Markdown and HTML show as it is."""
    return re.sub(r"([\\`*_{}\[\]()#+!|~])", r"\\\1", html.escape(plain(text), quote=False))


def _source(source: object) -> str:
    """What data are called: a hub id, or the name of a file or folder without the way to it on this machine."""
    named = str(source)
    return named if not named.startswith("~") and is_hub_id(named) else PurePath(named).name or "."


def _yaml(value: str | float) -> str:
    """A scalar of YAML: JSON is one, but for characters that YAML wants escaped; and nothing in it is a tag."""
    written = json.dumps(value, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match.group()):04x}", written)
