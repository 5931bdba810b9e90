"""The number format of training: whether the device can compute in it, and whether it gains by it."""

from __future__ import annotations

import time

import torch

from mctl.errors import UserError
from mctl.progress import Progress

# A product of the size that a batch of headlines makes; fp32 takes some ten milliseconds for it on one slow core.
_SHAPE = (256, 384, 1536)
_ROUNDS = 3


def check_precision(precision: str) -> None:
    """Refuse what the device cannot do.

    Raises:
        UserError: fp16 without a GPU, whose gradients a CPU cannot scale; bf16 on a GPU that is too old for it.
    """
    todo = "Train with --mixed-precision bf16 or no."
    if precision == "fp16" and not torch.cuda.is_available():
        raise UserError("training in fp16 needs a GPU, and torch sees none.", where="--mixed-precision", todo=todo)
    if precision == "bf16" and torch.cuda.is_available() and not torch.cuda.is_bf16_supported():
        name = torch.cuda.get_device_name()
        todo = "Train with --mixed-precision fp16 or no."
        raise UserError(f"{name} does not compute in bf16.", where="--mixed-precision", todo=todo)


def say_if_slower(precision: str, progress: Progress) -> None:
    """Tell who waits that bf16 makes training slower here: a CPU without instructions for it computes all the same."""
    if precision != "bf16" or torch.accelerator.is_available():
        return
    factor = bf16_slowdown()
    if factor > 1.5:
        progress.say(
            f"bf16: this processor takes {factor:.0f} times as long for a matrix product in it as in fp32; "
            "--mixed-precision no is faster."
        )


def bf16_slowdown() -> float:
    """How many times as long a matrix product takes in bf16 as in fp32, on the CPU; below 1 is a gain.

    The fastest of a few rounds in turn, since whatever disturbs one only makes it slower.
    """
    rows, inner, columns = _SHAPE
    formats = (torch.float32, torch.bfloat16)
    operands = [(torch.ones(rows, inner, dtype=one), torch.ones(inner, columns, dtype=one)) for one in formats]
    fastest = [float("inf")] * len(formats)
    for _ in range(_ROUNDS):
        for index, (left, right) in enumerate(operands):
            started = time.perf_counter()
            torch.mm(left, right)
            fastest[index] = min(fastest[index], time.perf_counter() - started)
    return fastest[1] / fastest[0]
