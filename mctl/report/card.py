"""The model card of a PyTorch artifact: README.md with Hugging Face metadata."""

from __future__ import annotations

import html
import re

from jinja2 import Environment, PackageLoader, StrictUndefined

from mctl.artifact import Manifest
from mctl.report.plain import plain


def model_card(manifest: Manifest) -> str:
    """A card in Markdown, from what the manifest knows.

    Names, sources and class names come from the user's data: they are escaped, so that none of them becomes markup.
    """
    environment = Environment(
        loader=PackageLoader("mctl.report"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown, not HTML: `md` does the escaping.
    )
    environment.filters["md"] = escaped
    return environment.get_template("card.md.j2").render(manifest.model_dump())


def escaped(text: str) -> str:
    """Text that Markdown and HTML show as it is."""
    return re.sub(r"([\\`*_{}\[\]()#+!|~])", r"\\\1", html.escape(plain(text), quote=False))
