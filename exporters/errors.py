"""What goes wrong in an export, as one type that a caller can catch."""

from __future__ import annotations


class ExportError(ValueError):
    """A model, a file or an input that cannot be exported or run, said in one sentence for the user."""
