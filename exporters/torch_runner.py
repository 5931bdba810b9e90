"""A PyTorch classifier behind the callable that `session.OnnxClassifier` also is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from .errors import ExportError
from .inputs import Inputs, Logits, select_inputs


class TorchClassifier:
    """Callable from token ids to logits over a PyTorch module, on the device where the module lives.

    Args:
        model: takes `input_names` as keyword arguments; returns logits (batch, classes), or a tuple that begins with
            them, or an object that holds them as `.logits`. Its modules stay the same ones afterwards.
        input_names: what to feed, a subset of input_ids, attention_mask and token_type_ids.
    """

    def __init__(self, model: nn.Module, input_names: Sequence[str]) -> None:
        self.model = model
        self.input_names = tuple(input_names)
        # To walk through a model takes as long as a small one takes to run on a GPU.
        self._modules = tuple(model.modules())

    def __call__(self, inputs: Inputs) -> Logits:
        """Logits (batch, classes), float32, of token ids (batch, length).

        Runs in evaluation and inference mode, and leaves every module's training flag as it was.

        Raises:
            ExportError: an input is missing or misshapen, or the model returns no logits.
        """
        device = next((parameter.device for parameter in self.model.parameters()), torch.device("cpu"))
        chosen = select_inputs(inputs, self.input_names)
        tensors = {name: torch.from_numpy(array).to(device) for name, array in chosen.items()}
        with evaluation_mode(self._modules), torch.inference_mode():
            logits = logits_of(self.model(**tensors))
        return logits.to("cpu", torch.float32).numpy().astype(np.float32, copy=False)


@contextmanager
def evaluation_mode(modules: Iterable[nn.Module]) -> Iterator[None]:
    """Every one of `modules` in evaluation mode; on the way out each has its own flag back."""
    training = [module for module in modules if module.training]
    for module in training:
        module.training = False
    try:
        yield
    finally:
        for module in training:
            module.training = True


def logits_of(output: Any) -> torch.Tensor:
    """The logits (batch, classes) in what a classifier returned.

    Raises:
        ExportError: there are none.
    """
    candidate = getattr(output, "logits", output)
    if isinstance(candidate, tuple | list) and candidate:
        candidate = candidate[0]
    if isinstance(candidate, torch.Tensor):
        return candidate
    raise ExportError(f"the model returned {type(output).__name__}, which holds no logits")
