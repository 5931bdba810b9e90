"""An ONNX file as the callable that is fastest on a provider."""

from __future__ import annotations

import logging
from pathlib import Path

from .binding import BoundClassifier, Buckets
from .errors import ExportError
from .session import OnnxClassifier, Provider, open_session

logger = logging.getLogger(__name__)


def open_classifier(
    path: Path, *, provider: Provider = "cpu", threads: int | None = None, buckets: Buckets | None = None
) -> OnnxClassifier | BoundClassifier:
    """An ONNX file as a callable from token ids to logits.

    On a CPU that is a plain session: padding costs as much as text there, and buffers are at hand. On a GPU it is
    bound buffers with a CUDA graph a shape, or without graphs where the file cannot be captured.

    Args:
        path: an .onnx file.
        provider: "cpu" or "cuda".
        threads: threads within one operator, on a CPU.
        buckets: how calls are padded on a GPU; by default to 8 tokens and a power of two of texts.

    Raises:
        ExportError: as `session.open_session`.
    """
    if provider == "cpu":
        return OnnxClassifier(open_session(path, threads=threads))
    try:
        session, graphs = open_session(path, provider=provider, threads=threads, graphs=True), True
    except ExportError as error:
        # Whatever else is wrong with the file ends the second attempt too, and is said then.
        session, graphs = open_session(path, provider=provider, threads=threads), False
        logger.warning("no CUDA graphs for %s: %s", path, error)
    return BoundClassifier(session, device="cuda", graphs=graphs, buckets=buckets or Buckets(powers=True))
