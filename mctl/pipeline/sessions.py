"""Artifacts as callables, on the provider and the threads that were asked for."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mctl.artifact import Artifact
from mctl.errors import UserError
from mctl.pipeline.export import MODEL_FILE
from mctl.pipeline.loading import load_classifier
from mctl.pipeline.scoring import Runner
from mctl.recipe import ModelSettings

if TYPE_CHECKING:
    from mctl.exporters.binding import Buckets

Provider = Literal["cpu", "cuda"]


def onnx_runner(folder: Path, provider: Provider = "cpu", threads: int | None = None) -> Runner:
    """The graph of an export as a callable, on the provider that was asked for and no other.

    Raises:
        UserError: the file cannot be run, or the provider is not there.
    """
    from mctl.exporters.errors import ExportError
    from mctl.exporters.runtime import open_classifier

    buckets = buckets_of(folder) if provider == "cuda" else None
    try:
        return open_classifier(folder / MODEL_FILE, provider=provider, threads=threads, buckets=buckets)
    except ExportError as error:
        todo = "`mctl doctor` says what is installed." if provider != "cpu" else "Make the export again."
        raise UserError(f"{error}.", where=str(folder / MODEL_FILE), todo=todo) from error


def buckets_of(folder: Path) -> Buckets | None:
    """How calls of an export are padded where padding pays; None without a configuration to read it from."""
    from mctl.compression.families import family_of
    from mctl.exporters.binding import Buckets
    from mctl.pipeline.loading import load_config

    if not (folder / "config.json").is_file():
        return None
    config = load_config(ModelSettings(name=str(folder)))
    return Buckets(longest=family_of(config).positions(config), pad_id=config.pad_token_id or 0, powers=True)


def scoring_runner(export: Artifact, timed: Runner, provider: Provider, threads: int | None) -> Runner:
    """What parity and accuracy are judged by: `timed`, the callable whose latency counts, or nearer to the truth.

    On a CPU onnxruntime computes most of an fp16 graph in fp32, and an overflow on the GPU that the graph is for would
    go unseen; so there every result is rounded to fp16.
    """
    if export.manifest.facts["precision"] != "fp16" or provider != "cpu":
        return timed
    from mctl.exporters.emulation import write_rounded
    from mctl.exporters.session import OnnxClassifier, open_session

    with tempfile.TemporaryDirectory() as folder:
        rounded = Path(folder) / MODEL_FILE
        write_rounded(export.folder / MODEL_FILE, rounded)
        return OnnxClassifier(open_session(rounded, threads=threads))


def torch_runner(folder: Path, names: Sequence[str], provider: Provider) -> Runner:
    """The classifier of a PyTorch artifact as a callable, in fp32.

    Args:
        names: inputs that it is given.

    Raises:
        UserError: it cannot be loaded.
    """
    from mctl.exporters.torch_runner import TorchClassifier

    return TorchClassifier(load_classifier(ModelSettings(name=str(folder))).eval().to(provider), names)


def check_provider(provider: Provider, where: str = "--provider cuda") -> None:
    """Refuse a GPU that PyTorch or onnxruntime does not see, before anything is done.

    A ratio between devices says nothing about an export, so that both have to see it.

    Args:
        where: what asked for the provider, for the message.

    Raises:
        UserError: there is none.
    """
    if provider == "cuda" and (missing := missing_for_cuda()):
        raise UserError(
            f"{missing}.", where=where, todo="Leave it out to use the CPU; `mctl doctor` says what is installed."
        )


def missing_for_cuda() -> str:
    """What is missing for models to run on a GPU; empty where nothing is."""
    import onnxruntime
    import torch

    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        return "onnxruntime has no CUDA provider here"
    return "" if torch.cuda.is_available() else "there is no GPU that torch can use"


def use_threads(threads: int | None) -> int:
    """Have PyTorch use this many threads, by default as many as it does already.

    Returns:
        The number, for the other runtime.
    """
    import torch

    if threads:
        torch.set_num_threads(threads)
    return threads or torch.get_num_threads()
