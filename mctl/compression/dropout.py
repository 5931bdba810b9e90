"""A model without dropout for as long as it learns from a teacher."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

# Where transformers keeps the probability of attention's dropout, if in no module: 4.x had it in the attention or read
# it from the configuration.
_OF_A_MODULE, _OF_A_CONFIG = "dropout_prob", "attention_dropout"


@contextmanager
def without_dropout(model: nn.Module) -> Iterator[None]:
    """Within it nothing of `model` drops anything, also in training mode.

    A teacher's hidden states and logits were computed without dropout. A student that has it is asked to give the
    same with a part of its activations missing, and has few of them left as it is: what it learns against is noise.
    (Beyer et al. 2022, arXiv 2106.05237, section 3: teacher and student have to see the same.)

    Args:
        model: a classifier of transformers; on leaving, its probabilities and configuration are what they were.
    """
    places: list[tuple[Any, str]] = [(module, "p") for module in model.modules() if isinstance(module, nn.Dropout)]
    places += [(module, _OF_A_MODULE) for module in model.modules() if hasattr(module, _OF_A_MODULE)]
    places += [(model.config, _OF_A_CONFIG)] if hasattr(model.config, _OF_A_CONFIG) else []
    before = [getattr(place, name) for place, name in places]
    try:
        for place, name in places:
            setattr(place, name, 0.0)
        yield
    finally:
        for (place, name), value in zip(places, before, strict=True):
            setattr(place, name, value)
