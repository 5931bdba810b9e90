"""Reading and writing ONNX files: whole or not at all, one file while protobuf allows it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped, unused-ignore]
from onnx.external_data_helper import load_external_data_for_model, uses_external_data

from .errors import ExportError
from .streaming import Weights, checked, weight_bytes, write_apart, write_whole

SINGLE_FILE_LIMIT_BYTES = 1_900_000_000
"""Weights beyond this go beside the graph: protobuf cannot hold a message of 2 GiB, and the graph needs room too."""


def read_model(path: Path, *, weights: bool = True) -> onnx.ModelProto:
    """The model at `path`; with `weights=False` tensors kept in a file beside it stay there.

    Raises:
        ExportError: the file is missing, cut short or not ONNX, or its external data is.
    """
    if not path.is_file():
        raise ExportError(f"no ONNX file at {path}")
    try:
        model = onnx.load(path, format="protobuf", load_external_data=False)
    except DecodeError:
        raise ExportError(f"{path} is not a whole ONNX file: it is cut short, or something else") from None
    if not model.HasField("graph"):
        raise ExportError(f"{path} holds no ONNX graph")
    return read_weights(model, path) if weights else model


def read_weights(model: onnx.ModelProto, path: Path) -> onnx.ModelProto:
    """Loads into `model` the tensors that lie beside the `path` it was read from; returns the same object.

    Raises:
        ExportError: the external data is missing, cut short, or points out of the folder.
    """
    try:
        load_external_data_for_model(model, str(path.parent))
    except (OSError, ValueError, onnx.checker.ValidationError) as error:
        raise ExportError(f"external data of {path} cannot be read: {error}") from None
    return model


def write_model(
    model: onnx.ModelProto,
    path: Path,
    *,
    weights: Weights | None = None,
    single_file_limit_bytes: int = SINGLE_FILE_LIMIT_BYTES,
) -> tuple[Path, ...]:
    """Checks `model` and puts it at `path`, and its weights at `path` + ".data" when they are over the limit.

    Everything is written to a folder beside `path` first and then moved, weights before graph, so that a killed run
    leaves either the old file or the new one. No more than one tensor is copied at a time. `model` is used up when its
    weights are written apart.

    Args:
        weights: values of the tensors that `model` has placeholders for, by name (`streaming.detach`).

    Returns:
        The files written, the graph first.

    Raises:
        ExportError: `path` is a folder, or the model breaks the ONNX specification.
    """
    require_file_name(path)
    weights = weights or {}
    try:
        checked(model, weights)
    except onnx.checker.ValidationError as error:
        raise ExportError(f"the graph for {path} breaks the ONNX specification: {error}") from error
    data = data_path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    apart = weight_bytes(model, weights) > single_file_limit_bytes
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        draft = Path(folder) / path.name
        if not apart:
            with draft.open("wb") as file:
                write_whole(model, weights, file)
        else:
            beside = draft.with_name(data.name)
            with draft.open("wb") as file, beside.open("wb") as values:
                write_apart(model, weights, file, values, data.name)
            beside.replace(data)
        draft.replace(path)
    if apart:
        return path, data
    data.unlink(missing_ok=True)
    return (path,)


def require_file_name(path: Path) -> None:
    """To be asked before hours or seconds go into what `write_model` then cannot place.

    Raises:
        ExportError: `path` is a folder.
    """
    if path.is_dir():
        raise ExportError(f"{path} is a folder: name the ONNX file to write")


def data_path(path: Path) -> Path:
    """Where `write_model` puts the weights that do not fit into `path`."""
    return path.with_name(path.name + ".data")


def model_files(path: Path, model: onnx.ModelProto) -> tuple[Path, ...]:
    """The file at `path` and those that its tensors name, for a `model` read from there without its weights."""
    named = {
        entry.value
        for tensor in model.graph.initializer
        if uses_external_data(tensor)
        for entry in tensor.external_data
        if entry.key == "location"
    }
    return (path, *(path.parent / name for name in sorted(named)))


def total_bytes(files: Iterable[Path]) -> int:
    """Bytes of all `files` together."""
    return sum(file.stat().st_size for file in files)
