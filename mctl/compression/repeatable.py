"""The same bytes from the same seed: what torch has to be told for that."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def repeatable() -> Iterator[None]:
    """While it lasts, torch adds numbers in the same order every time, on a GPU too.

    On a CPU it does so anyway. On a GPU, the gradients of attention depend on the order in which blocks finish unless
    deterministic algorithms are demanded: with `warn_only`, the fused kernels stay as they are and only warn. All that
    training here computes has such an algorithm.

    cuBLAS reads its setting when it computes its first product, so that this has to come before.
    """
    if not torch.cuda.is_available():
        yield
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    demanded = torch.are_deterministic_algorithms_enabled()
    only_warned = torch.is_deterministic_algorithms_warn_only_enabled()
    memory: Any = torch.utils.deterministic  # Its setting is a property of the module, which type checkers do not see.
    filled = memory.fill_uninitialized_memory
    torch.use_deterministic_algorithms(True)
    # Nothing here reads memory that it has not written, and filling it would cost a pass over every new tensor.
    memory.fill_uninitialized_memory = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(demanded, warn_only=only_warned)
        memory.fill_uninitialized_memory = filled
