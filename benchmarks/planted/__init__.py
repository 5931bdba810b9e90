"""Faults for faults.py: a name, what is done to a copy of a finished folder, and the command that has to notice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from . import contents, data, files, graphs, manifests, releases, students, verdicts
from .fault import EXPORT, SOURCE, TEACHER, Fault

__all__ = ["EXPORT", "SOURCE", "TEACHER", "Fault", "all_faults"]


def all_faults(folder: Path) -> Iterator[Fault]:
    """All of them, for a folder in which the quickstart has run."""
    yield from files.faults(folder)
    for kind in (manifests, contents, graphs, students, data, releases, verdicts):
        yield from kind.faults()
