"""The inputs that every classifier here takes: token ids, attention mask and token types as int64 arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from .errors import ExportError

Inputs: TypeAlias = Mapping[str, npt.NDArray[np.int64]]
Logits: TypeAlias = npt.NDArray[np.float32]

INPUT_NAMES = ("input_ids", "attention_mask", "token_type_ids")


def select_inputs(inputs: Inputs, names: Sequence[str]) -> dict[str, npt.NDArray[np.int64]]:
    """The arrays under `names`, each (batch, length), contiguous and int64; what else `inputs` holds is left out.

    A tokenizer often returns more than a model takes (token types for a model without them), so extra names are fine.

    Raises:
        ExportError: a name is missing, an array is not two-dimensional integers, or two shapes differ.
    """
    missing = [name for name in names if name not in inputs]
    if missing:
        got = ", ".join(inputs) or "nothing"
        raise ExportError(f"missing input {', '.join(missing)}: the model takes {', '.join(names)}, got {got}")
    chosen = {name: _as_ids(name, inputs[name]) for name in names}
    shapes = {name: array.shape for name, array in chosen.items()}
    if len(set(shapes.values())) > 1:
        raise ExportError(f"inputs differ in shape: {shapes}")
    return chosen


def _as_ids(name: str, values: npt.ArrayLike) -> npt.NDArray[np.int64]:
    array = np.asarray(values)
    if array.ndim != 2 or 0 in array.shape:
        raise ExportError(f"input {name} must be (batch, length) with neither empty, got shape {array.shape}")
    if not np.issubdtype(array.dtype, np.integer):
        raise ExportError(f"input {name} must hold integers, got {array.dtype}")
    return np.ascontiguousarray(array, dtype=np.int64)
