"""ONNX files on onnxruntime: a session that is what was asked for, and a callable over it."""

from __future__ import annotations

import contextlib
import io
import logging
import re
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import onnxruntime as ort

from .errors import ExportError
from .files import model_files, read_model
from .inputs import Inputs, Logits, select_inputs
from .placement import RECORD, listed, work_elsewhere

Provider: TypeAlias = Literal["cpu", "cuda"]

_PROVIDERS: dict[str, str] = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
# fp32 means fp32: onnxruntime's CUDA provider would round the factors of matrix products to TF32's 10 bits.
_PROVIDER_OPTIONS: dict[str, dict[str, str]] = {"cpu": {}, "cuda": {"use_tf32": "0"}}
_FATAL_ONLY = 4  # onnxruntime also logs each error that it raises; here the exception alone carries it
_OUTPUT = "logits"

logger = logging.getLogger(__name__)


def open_session(
    path: Path, *, provider: Provider = "cpu", threads: int | None = None, graphs: bool = False
) -> ort.InferenceSession:
    """An onnxruntime session over the file at `path`, on `provider` and on nothing else.

    onnxruntime falls back to the CPU with a mere warning when a GPU provider cannot start, and without a word for
    nodes that the GPU has no kernel for; a latency taken on such a session would be filed under the wrong device, so
    here both are errors. (Shape arithmetic may still run on the CPU under `cuda`.)

    Args:
        path: an .onnx file, with its external data beside it if it has any.
        provider: "cpu" or "cuda".
        threads: threads within one operator; onnxruntime's own choice when None.
        graphs: capture CUDA graphs; then only calls with bound buffers of known shapes will do, as
            `runtime.open_classifier` makes them.

    Raises:
        ExportError: no such provider here, nodes that would run elsewhere, or the file is missing, cut short, not
            ONNX, or of an unknown opset.
    """
    wanted = _require_provider(provider)
    options = _options(threads)
    chosen = _PROVIDER_OPTIONS[provider] | ({"enable_cuda_graph": "1"} if graphs else {})
    if not path.is_file():
        raise ExportError(f"no ONNX file at {path}")
    try:
        session = ort.InferenceSession(str(path), options, providers=[(wanted, chosen)])
    except Exception as error:  # onnxruntime's exceptions share no base class but Exception
        why = _lost_data(path) or _why_not_loaded(error)
        raise ExportError(f"onnxruntime {ort.__version__} cannot load {path}: {why}") from None
    if session.get_providers()[0] != wanted:
        used = ", ".join(session.get_providers())
        raise ExportError(f"onnxruntime could not start {wanted} and fell back to {used}: check driver, CUDA and cuDNN")
    check_placement(session, wanted)
    return session


def check_placement(session: ort.InferenceSession, wanted: str) -> None:
    """Refuse a session that does some of its work on another provider than `wanted`.

    Raises:
        ExportError: it does; names the nodes.
    """
    elsewhere = work_elsewhere(session, wanted)
    if elsewhere:
        raise ExportError(
            f"{wanted} has no kernel for {listed(elsewhere)}, and onnxruntime would run them on another provider"
        )


class OnnxClassifier:
    """Callable from token ids to logits over an onnxruntime session.

    Args:
        session: of a graph with an output named logits, or with one output only; inputs are (batch, length) int64.

    Raises:
        ExportError: the graph has several outputs and none is named logits.
    """

    def __init__(self, session: ort.InferenceSession) -> None:
        self.session = session
        self.input_names: tuple[str, ...] = tuple(node.name for node in session.get_inputs())
        self.output_name = logits_output([node.name for node in session.get_outputs()])

    def __call__(self, inputs: Inputs) -> Logits:
        """Logits (batch, classes), float32, of token ids (batch, length); only declared inputs are fed.

        Raises:
            ExportError: an input is missing or misshapen, or the graph cannot run on it (a text longer than the
                model's positions, an id beyond its vocabulary).
        """
        feed = select_inputs(inputs, self.input_names)
        try:
            (logits,) = self.session.run([self.output_name], feed)
        except Exception as error:  # see open_session
            raise failed_run(next(iter(feed.values())).shape, error) from None
        return np.asarray(logits, dtype=np.float32)


def _require_provider(provider: str) -> str:
    if provider not in _PROVIDERS:
        raise ExportError(f"unknown provider {provider!r}: choose one of {', '.join(_PROVIDERS)}")
    wanted = _PROVIDERS[provider]
    if wanted not in ort.get_available_providers():
        raise ExportError(f"this build of onnxruntime has no {wanted}: install onnxruntime-gpu")
    if wanted == _PROVIDERS["cuda"]:
        _load_cuda_libraries()
    return wanted


def _load_cuda_libraries() -> None:
    """CUDA and cuDNN from pip's nvidia packages, where the loader would not find them; harmless if already loaded."""
    with contextlib.redirect_stdout(io.StringIO()) as said:  # it prints what it could not find
        ort.preload_dlls()
    logger.debug("preload_dlls: %s", said.getvalue())


def _options(threads: int | None) -> ort.SessionOptions:
    if threads is not None and threads < 1:
        raise ExportError(f"threads must be at least 1, got {threads}")
    options = ort.SessionOptions()
    options.log_severity_level = _FATAL_ONLY
    options.intra_op_num_threads = threads or 0
    # Between runs its threads would spin for a while, on cores that whoever is timed next is using.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    options.add_session_config_entry(RECORD, "1")
    return options


def failed_run(shape: tuple[int, ...], error: Exception) -> ExportError:
    """What to raise when a graph does not run on inputs of this shape."""
    return ExportError(f"the graph does not run on inputs of shape {shape}: {_sentence(error)}")


def logits_output(names: list[str]) -> str:
    """The output that holds the logits.

    Raises:
        ExportError: there are several, and none is named logits.
    """
    if _OUTPUT in names:
        return _OUTPUT
    if len(names) == 1:
        return names[0]
    raise ExportError(f"the graph has no output named {_OUTPUT}, only {', '.join(names)}")


def _lost_data(path: Path) -> str | None:
    """Which weights beside the graph are not there; onnxruntime's message names none."""
    try:
        lost = [file.name for file in model_files(path, read_model(path, weights=False)) if not file.is_file()]
    except ExportError:
        return None
    return f"its weights in {', '.join(lost)} are missing" if lost else None


def _why_not_loaded(error: Exception) -> str:
    message = _sentence(error)
    newest = re.search(r"Opset (\d+) is under development.*till opset (\d+)", message)
    if newest:
        return f"it is of opset {newest[1]}, and this runtime knows up to {newest[2]}"
    if "Protobuf parsing failed" in message or "No graph was found" in message:
        return "it is cut short or no ONNX file"
    return message


def _sentence(error: Exception) -> str:
    """onnxruntime's message on one line, without its error number and its C++ source position."""
    message = " ".join(str(error).split()) or type(error).__name__
    message = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", message)
    return re.sub(r"/\S+:\d+ [^()]*\([^)]*\) ", "", message)
