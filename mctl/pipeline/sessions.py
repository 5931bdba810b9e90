"""onnxruntime sessions of export artifacts."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from mctl.errors import UserError
from mctl.pipeline.export import MODEL_FILE
from mctl.pipeline.scoring import Runner


def onnx_runner(folder: Path, provider: Literal["cpu", "cuda"] = "cpu", threads: int | None = None) -> Runner:
    """The graph of an export as a callable, on the provider that was asked for and no other.

    Raises:
        UserError: the file cannot be run, or the provider is not there.
    """
    from mctl.exporters.errors import ExportError
    from mctl.exporters.session import OnnxClassifier, open_session

    try:
        return OnnxClassifier(open_session(folder / MODEL_FILE, provider=provider, threads=threads))
    except ExportError as error:
        todo = "`mctl doctor` says what is installed." if provider != "cpu" else "Make the export again."
        raise UserError(f"{error}.", where=str(folder / MODEL_FILE), todo=todo) from error
