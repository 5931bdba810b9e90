"""From a PyTorch module to an ONNX graph in memory: a copy fit for tracing, and PyTorch's exporter over it."""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal, TypeAlias

import onnx_ir as ir
import torch
from torch import nn
from torch.onnx.errors import OnnxExporterError

from .errors import ExportError
from .torch_runner import logits_of

Attention: TypeAlias = Literal["eager", "sdpa"]
"""Transformers' own names: matrix products and a softmax, or PyTorch's function for all of it."""

OUTPUT_NAME = "logits"
DYNAMIC_AXES = {0: "batch", 1: "sequence"}
_EXAMPLE_SHAPE = (2, 8)  # neither 0 nor 1, which torch.export may take for constants
_CHATTY_LOGGERS = ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")

logger = logging.getLogger(__name__)


class ExportView(nn.Module):
    """Positional inputs to keyword inputs, and the classifier's output to its logits."""

    def __init__(self, classifier: nn.Module, names: tuple[str, ...]) -> None:
        super().__init__()
        self.classifier = classifier
        self.names = names

    def forward(self, *tensors: torch.Tensor) -> torch.Tensor:
        return logits_of(self.classifier(**dict(zip(self.names, tensors, strict=True))))


def float32_copy(model: nn.Module) -> nn.Module:
    """A copy on the CPU in float32, free to be changed but for weights that are so already: those it shares."""
    tensors = [*model.parameters(), *model.buffers()]
    shared = [tensor for tensor in tensors if tensor.device.type == "cpu" and tensor.dtype == torch.float32]
    return copy.deepcopy(model, {id(tensor): tensor for tensor in shared}).to("cpu", torch.float32)


def _configs(model: nn.Module) -> list[Any]:
    """The transformers configurations in `model`, each once."""
    found: Iterator[Any] = (getattr(module, "config", None) for module in model.modules())
    return list({id(config): config for config in found if hasattr(config, "_attn_implementation")}.values())


def example_inputs(names: tuple[str, ...]) -> dict[str, torch.Tensor]:
    """Small inputs (2, 8), int64, in the order of `names`: two texts, the second of them padded."""
    batch, length = _EXAMPLE_SHAPE
    mask = torch.ones(_EXAMPLE_SHAPE, dtype=torch.int64)
    mask[1, length // 2 + 1 :] = 0  # an odd number of real tokens: their mean must not be that of all
    values = {
        "input_ids": torch.arange(batch * length).reshape(_EXAMPLE_SHAPE) % 2,
        "attention_mask": mask,
        "token_type_ids": torch.zeros_like(mask),
    }
    return {name: values[name] for name in names}


def switch_attention(view: ExportView, attention: Attention, example: Mapping[str, torch.Tensor]) -> None:
    """Sets transformers' attention implementation, if the model then still computes the same.

    Some models of transformers 4 choose their attention modules when they are built and their kind of mask when they
    run: with another implementation set in between they fail, or mask nothing. They are left as they are.

    Raises:
        ExportError: the model does not run even as it is.
    """
    try:
        expected = example_logits(view, example)
    except Exception as error:  # code of any author
        raise ExportError(f"the model does not run on inputs of shape {_EXAMPLE_SHAPE}: {_reason(error)}") from error
    configs = _configs(view)
    built_with = [config._attn_implementation for config in configs]
    try:
        for config in configs:
            config._attn_implementation = attention
        same = torch.allclose(example_logits(view, example), expected, atol=1e-4)
    except Exception as error:  # as above
        logger.debug("attention stays %s: %s", built_with, error)
        same = False
    if not same:
        for config, implementation in zip(configs, built_with, strict=True):
            config._attn_implementation = implementation


def example_logits(view: ExportView, example: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Logits (batch, classes) of the example, run by PyTorch."""
    with torch.inference_mode():
        result: torch.Tensor = view(*example.values())
    return result


def trace(view: ExportView, example: Mapping[str, torch.Tensor], opset: int) -> ir.Model:
    """The graph of `view`, in evaluation mode if it is, with the axes of `DYNAMIC_AXES` left free.

    Its weights are those of `view`, not copies.

    Raises:
        ExportError: torch.export cannot trace the model, or the exporter cannot translate it.
    """
    try:
        with quiet():
            program = torch.onnx.export(
                view,
                tuple(example.values()),
                input_names=list(example),
                output_names=[OUTPUT_NAME],
                opset_version=opset,
                dynamo=True,
                dynamic_shapes=(tuple(dict(DYNAMIC_AXES) for _ in example),),
                verbose=False,
            )
    except (OnnxExporterError, ValueError) as error:
        raise ExportError(f"PyTorch cannot export this model at opset {opset}: {_reason(error)}") from error
    if program is None:
        raise ExportError("PyTorch's exporter returned no program")
    return program.model


@contextmanager
def quiet(names: Sequence[str] = _CHATTY_LOGGERS) -> Iterator[None]:
    """Silences an exporter: its errors are raised as well, and what its warnings warn of is checked on the graph."""
    loggers = [logging.getLogger(name) for name in names]
    levels = [chatty.level for chatty in loggers]
    for chatty in loggers:
        chatty.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for chatty, level in zip(loggers, levels, strict=True):
            chatty.setLevel(level)


def _reason(error: BaseException) -> str:
    """First line of the innermost cause; what wraps it is PyTorch's general advice."""
    while error.__cause__ is not None:
        error = error.__cause__
    return (str(error).strip() or type(error).__name__).splitlines()[0]
