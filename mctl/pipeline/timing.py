"""How long ONNX models take on the runtime that a speed-up is asked for: sessions, a batch, a clock."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mctl.errors import UserError
from mctl.pipeline.export import MODEL_FILE
from mctl.pipeline.scoring import Batch, Runner
from mctl.pipeline.sessions import onnx_runner
from mctl.progress import Progress

if TYPE_CHECKING:
    from mctl.validators.latency import LatencyResult


@dataclass(frozen=True)
class Rounds:
    """How often everybody has a turn.

    Medians need some rounds, and nobody waits for more of them than make a difference.

    Attributes:
        seconds: as many as fit into this time;
        fewest, most: within these bounds.
        warmup: untimed ones before; the first call of a session also plans its memory.
    """

    seconds: float = 30.0
    fewest: int = 9
    most: int = 40
    warmup: int = 1

    def fitting(self, round_seconds: float) -> int:
        """How many there are if one takes `round_seconds`."""
        return min(max(int(self.seconds / max(round_seconds, 1e-9)), self.fewest), self.most)


@dataclass(frozen=True)
class Place:
    """Where and on what latency is measured.

    Attributes:
        provider: "cpu" or "cuda".
        texts: of one call.
        tokens: of every text; none is padding.
        threads: of the runtime.
    """

    provider: Literal["cpu", "cuda"]
    texts: int
    tokens: int
    threads: int

    @property
    def clock(self) -> Literal["processor", "wall"]:
        """What time is counted: one thread's own on the processor, or that on the wall.

        A thread on a busy machine waits for others; its processor time is what it would take on an idle one.
        """
        return "processor" if self.provider == "cpu" and self.threads == 1 else "wall"

    def clock_ns(self) -> Callable[[], int]:
        """The clock, for `mctl.validators.latency.measure`."""
        return time.process_time_ns if self.clock == "processor" else time.perf_counter_ns

    def __str__(self) -> str:
        threads = f", {self.threads} thread{'s' * (self.threads > 1)}" if self.provider == "cpu" else ""
        return f"onnxruntime on {self.provider}{threads}, {self.texts} texts of {self.tokens} tokens"


def usable_cores() -> int:
    """Processor cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def full_batch(place: Place, names: Sequence[str], vocabulary: int) -> Batch:
    """One batch of random ids without padding: (texts, tokens) int64 by input name."""
    shape = (place.texts, place.tokens)
    ids = np.random.default_rng(0).integers(vocabulary // 2, vocabulary, size=shape)
    ones, zeros = np.ones(shape, np.int64), np.zeros(shape, np.int64)
    values = {"input_ids": ids, "attention_mask": ones, "token_type_ids": zeros}
    return {name: values[name] for name in names}


def exported_runner(model: Any, names: Sequence[str], folder: Path, place: Place) -> Runner:
    """A classifier as its fp32 export runs; the file is gone when the session has it.

    Args:
        model: a classifier in PyTorch, which is left as it is.
        names: its inputs.
        folder: for the file; removed.

    Raises:
        UserError: it cannot be exported, or the runtime cannot run it.
    """
    import shutil

    from mctl.exporters.errors import ExportError
    from mctl.exporters.graph import export_fp32

    folder.mkdir(parents=True, exist_ok=True)
    try:
        export_fp32(model, folder / MODEL_FILE, input_names=names)
        return onnx_runner(folder, place.provider, place.threads)
    except ExportError as error:
        raise UserError(f"{error}.", where="export", todo="`mctl doctor` lists the versions at work.") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def timed(
    runners: Mapping[str, Runner],
    batch: Batch,
    place: Place,
    progress: Progress,
    title: str,
    plan: Rounds = Rounds(),
) -> dict[str, LatencyResult]:
    """Time runners in turn on one batch, in as many rounds as are planned."""
    from mctl.validators.latency import measure

    def rounds(count: int, on_progress: Callable[[int, int], None] | None = None) -> dict[str, LatencyResult]:
        return measure(runners, [batch], warmup=0, repeats=count, clock_ns=place.clock_ns(), on_progress=on_progress)

    if plan.warmup:
        rounds(plan.warmup)
    started, count = time.monotonic(), plan.most
    if plan.fewest < plan.most:
        rounds(1)
        count = plan.fitting(time.monotonic() - started)
    progress.start(title, count)
    results = rounds(count, lambda done, total: progress.advance(done))
    progress.finish()
    return results
