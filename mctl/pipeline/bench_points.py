"""Times of all participants at one point of the grid; who fails there is left out, and the others go on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from mctl.pipeline.scoring import Batch, Runner
from mctl.pipeline.timing import Place, Rounds, timed
from mctl.progress import Progress

if TYPE_CHECKING:
    from mctl.validators.latency import LatencyResult

_LONGEST_REASON = 300


@dataclass(frozen=True)
class TimedPoint:
    """Results of those that ran, and why the others did not, by name."""

    results: dict[str, LatencyResult]
    missing: dict[str, str]


class _RunError(Exception):
    """A participant could not answer.

    Args:
        name: of the participant.
        reason: one sentence.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason


def failures() -> tuple[type[Exception], ...]:
    """What a runner raises when a call does not fit or does not run: memory (of PyTorch: RuntimeError), a bad graph."""
    from mctl.exporters.errors import ExportError

    return (ExportError, MemoryError, RuntimeError)


def why(error: Exception) -> str:
    """The reason in one line."""
    words = " ".join(str(error).split()) or type(error).__name__
    return words if len(words) <= _LONGEST_REASON else f"{words[:_LONGEST_REASON]} ..."


def time_point(
    runners: Mapping[str, Runner],
    make_batch: Callable[[], Batch],
    place: Place,
    plan: Rounds,
    progress: Progress,
    missing: Mapping[str, str],
) -> TimedPoint:
    """Time all runners in turn on one batch.

    When one fails, what was timed is thrown away and the others begin anew: they had shared the machine with it.

    Args:
        make_batch: the batch; it may not fit into memory either.
        missing: why some are known to fail here; they are not tried.
    """
    failed = {name: reason for name, reason in missing.items() if name in runners}
    left = {name: partial(_guarded, name, runner) for name, runner in runners.items() if name not in failed}
    title = f"{place.texts} x {place.tokens}"
    try:
        batch = make_batch() if left else {}
    except MemoryError as error:
        return TimedPoint({}, failed | dict.fromkeys(left, why(error)))
    while left:
        try:
            return TimedPoint(timed(left, batch, place, progress, title, plan), failed)
        except _RunError as failure:
            progress.finish()
            failed[failure.name] = failure.reason
            del left[failure.name]
    return TimedPoint({}, failed)


def _guarded(name: str, runner: Runner, batch: Batch) -> np.ndarray:
    try:
        return runner(batch)
    except failures() as error:
        raise _RunError(name, why(error)) from error
