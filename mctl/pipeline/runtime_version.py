"""The onnxruntime that an export needs, against the one that is installed."""

from __future__ import annotations

import re

from mctl.artifact import Artifact
from mctl.errors import UserError
from mctl.pipeline.export import MODEL_FILE


def runtime_needed(export: Artifact) -> str | None:
    """Oldest release that runs an export, such as "1.20"; None where its file cannot be read.

    Exports of version 0.1.0 do not record it: it is read off the file.
    """
    from mctl.exporters.errors import ExportError
    from mctl.exporters.runtime_version import onnxruntime_needed

    recorded: str | None = export.manifest.facts.get("onnxruntime")
    if recorded is not None:
        return recorded
    try:
        return onnxruntime_needed(export.folder / MODEL_FILE)
    except ExportError:
        return None


def check_runtime(export: Artifact) -> None:
    """Refuse to run an export that the installed onnxruntime is too old for.

    Raises:
        UserError: it is.
    """
    import onnxruntime

    needed = runtime_needed(export)
    if needed is not None and is_older(onnxruntime.__version__, needed):
        raise UserError(
            f"this export needs onnxruntime {needed}, and {onnxruntime.__version__} is installed.",
            where=str(export.folder),
            todo=f'Install a newer one, such as with `pip install "onnxruntime>={needed}"` (onnxruntime-gpu for CUDA).',
        )


def is_older(version: str, needed: str) -> bool:
    """Whether a release comes before another, by their first two numbers.

    >>> is_older("1.9.0", "1.18"), is_older("1.18.1", "1.18")
    (True, False)
    """
    found, least = ([int(number) for number in re.findall(r"\d+", one)[:2]] for one in (version, needed))
    return found < least
