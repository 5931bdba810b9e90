"""The two words every validator shares: what goes into a model and how one is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

IntArray: TypeAlias = npt.NDArray[np.int64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]
FloatArray: TypeAlias = npt.NDArray[np.float64]
Logits: TypeAlias = npt.NDArray[np.floating]
"""(texts, classes), any floating type."""

Batch: TypeAlias = Mapping[str, IntArray]
"""Model input by name, each (texts, length)."""

Runner: TypeAlias = Callable[[Batch], npt.NDArray[np.float32]]
"""Runs a model on a batch; returns logits (texts, classes) in host memory, so that the call ends when the work does."""
