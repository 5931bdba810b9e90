"""Latency of the models of a verdict, side by side, in as many openings of their sessions as it takes to decide."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from mctl.pipeline.contestants import Contestant, text_batches
from mctl.pipeline.scoring import Batch, Runner
from mctl.pipeline.sessions import use_threads
from mctl.progress import Progress
from mctl.recipe import MeasureSettings

if TYPE_CHECKING:
    from mctl.validators.blocks import Block
    from mctl.validators.latency import LatencyResult
    from mctl.validators.statistics import Ratio

Clock = Literal["processor", "wall"]
Enough = Callable[["Speed"], bool]
_SIDES = "baseline", "export"
RELEASE = "release"


@dataclass(frozen=True)
class Speed:
    """What was timed.

    Attributes:
        latency: of all calls, by role.
        speedup: how many times as fast as the baseline the export is.
        blocks: the same of every opening of the sessions.
        measured_with: all that the figures depend on besides models, texts and machine.
        slowdown: how many times as long as the release the export takes, if that was timed beside it.
    """

    latency: dict[str, LatencyResult]
    speedup: Ratio
    blocks: tuple[float, ...]
    measured_with: dict[str, Any]
    slowdown: Ratio | None = None


def conditions(settings: MeasureSettings) -> dict[str, Any]:
    """The settings, with the number of threads that they come to and the clock that counts.

    One thread on a busy machine waits for others; its processor time is what it would take on an idle one.
    """
    threads = use_threads(settings.threads)
    clock: Clock = "processor" if settings.provider == "cpu" and threads == 1 else "wall"
    return settings.model_dump() | {"threads": threads, "clock": clock}


def time_all(
    found: Mapping[str, Contestant],
    texts: Sequence[str],
    settings: MeasureSettings,
    enough: Enough,
    progress: Progress,
) -> Speed:
    """Open, time and let go all models, again and again until `enough`, or until it was in vain.

    Args:
        found: by role; one more than a verdict has may be the `RELEASE`.
    """
    from mctl.validators.blocks import Plan, measure_blocks
    from mctl.validators.waiting import idle_ns, queued_ns

    batches, measured_with = text_batches(len(texts), settings), conditions(settings)
    plan = Plan(rounds=settings.repeats, warmup=settings.warmup)
    own_time = measured_with["clock"] == "processor"
    clock_ns = time.process_time_ns if own_time else time.perf_counter_ns
    batches = batches[: plan.fitting_batches(len(batches), _seconds_of_one(found, texts, batches[0], clock_ns))]
    measured_with["batches"] = len(batches)
    tokens = {role: contestant.tokens(batches, texts) for role, contestant in found.items()}
    speed = partial(_speed, plan=plan, batches=len(batches), measured_with=measured_with)

    def opened() -> dict[str, Runner]:
        return {role: contestant.on(tokens[role], contestant.opened()) for role, contestant in found.items()}

    def sure(blocks: Sequence[Block]) -> bool:
        so_far = speed(blocks)
        if not (decided := enough(so_far)):
            ratio = so_far.speedup
            progress.say(f"latency: {ratio.low:.2f} to {ratio.high:.2f} times as fast does not decide: timing goes on")
        return decided

    progress.start("latency", plan.first)
    blocks = measure_blocks(
        sure,
        opened,
        batches,
        plan,
        clock_ns=clock_ns,
        waited_ns=idle_ns if own_time else queued_ns,
        on_progress=lambda done, total: progress.advance(done),
    )
    progress.finish()
    return speed(blocks)


def _seconds_of_one(
    found: Mapping[str, Contestant], texts: Sequence[str], batch: Batch, clock_ns: Callable[[], int]
) -> float:
    """What all models together take for a batch that they have seen before."""
    from mctl.validators.latency import measure

    runners = {role: contestant.ready([batch], texts) for role, contestant in found.items()}
    timed = measure(runners, [batch], warmup=1, repeats=1, clock_ns=clock_ns)
    return sum(result.p50_ms for result in timed.values()) / 1000


def _speed(blocks: Sequence[Block], plan: Any, batches: int, measured_with: dict[str, Any]) -> Speed:
    from mctl.validators.blocks import allowing_for_waiting, block_ratios, join, ratio_over_blocks

    timed, wall = join(blocks), measured_with["clock"] == "wall"

    def ratio(above: str, below: str, confidence: float) -> Ratio:
        found = ratio_over_blocks(blocks, above, below, batches, confidence=confidence)
        return allowing_for_waiting(found, timed[above].waited_share, timed[below].waited_share) if wall else found

    slowdown = ratio("export", RELEASE, one_sided(plan.confidence)) if RELEASE in timed else None
    latency = {role: result for role, result in timed.items() if role != RELEASE}
    ratios = tuple(block_ratios(blocks, *_SIDES, batches))
    return Speed(latency, ratio(*_SIDES, plan.confidence), ratios, measured_with, slowdown)


def one_sided(confidence: float) -> float:
    """Of an interval for a question with one side, such as whether something is slower: each tail may be as likely as
    both were."""
    return 1 - 2 * (1 - confidence)
