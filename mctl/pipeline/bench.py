"""Artifacts side by side over a grid of batch sizes and lengths: latency, throughput, memory, energy."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mctl.artifact import now
from mctl.pipeline.bench_child import INPUTS
from mctl.pipeline.bench_lineup import Entry, Lineup, lengths_of, line_up
from mctl.pipeline.bench_memory import MemoryFound, memory_of_all
from mctl.pipeline.bench_points import TimedPoint, time_point
from mctl.pipeline.energy import energy_of
from mctl.pipeline.machine import FP16_ON_CPU, fingerprint
from mctl.pipeline.scoring import Runner
from mctl.pipeline.sessions import check_provider, use_threads
from mctl.pipeline.stage import versions
from mctl.pipeline.timing import Place, Rounds, full_batch
from mctl.progress import Progress
from mctl.recipe import BenchSettings, Recipe
from mctl.report.bench_schema import BenchResult, Call, Contender, Interval, Point, Timing

if TYPE_CHECKING:
    from mctl.validators.latency import LatencyResult

_FEWEST_ROUNDS, _MOST_ROUNDS = 10, 500
_ROUNDS_FOR_P99 = 100


def bench(recipe: Recipe, progress: Progress, folders: Sequence[Path] = (), *, samples: bool = False) -> BenchResult:
    """Time artifacts in turn on the same random ids, without padding.

    Memory comes first, in processes of their own: a call that does not fit is then known before it ends this one.

    Args:
        folders: artifacts of any kind; without any, every export there is.
        samples: keep every time.

    Raises:
        UserError: no artifact, no baseline, lengths beyond a model, a provider that is not there, or an artifact that
            was replaced meanwhile.
    """
    settings = recipe.bench
    check_provider(settings.provider, "--provider, or provider under [bench]")
    lineup = line_up(settings, recipe.artifacts, folders, progress)
    lengths = lengths_of(settings, lineup)
    threads = use_threads(settings.threads)
    places = [Place(settings.provider, *size, threads) for size in itertools.product(settings.batch, lengths)]
    memory = memory_of_all(lineup, places[-1], progress) if settings.memory else MemoryFound({}, {}, {})
    runners = {entry.name: entry.runner(settings.provider, threads) for entry in lineup.entries}
    timed = [_timed(runners, lineup, place, settings, memory, places[-1], progress) for place in places]
    at = _largest_of_all(places, timed) if settings.energy else None
    emissions = _energy(runners, lineup, at, settings, progress) if at else {}
    for entry in lineup.entries:
        entry.artifact.check_unchanged()
    return BenchResult(
        created=now(),
        participants={entry.name: _contender(entry, memory, emissions) for entry in lineup.entries},
        baseline=lineup.baseline,
        provider=settings.provider,
        threads=threads,
        clock=places[0].clock,
        points=[_point(place, found, lineup.baseline, samples) for place, found in zip(places, timed, strict=True)],
        memory_at=_call(places[-1]) if memory.memory else None,
        emissions_at=_call(at) if at else None,
        measured_with=settings.model_dump() | {"length": list(lengths), "threads": threads},
        notes=_notes(lineup, settings, timed, memory, at),
        machine=fingerprint(),
        versions=versions(),
    )


def _timed(
    runners: Mapping[str, Runner],
    lineup: Lineup,
    place: Place,
    settings: BenchSettings,
    memory: MemoryFound,
    largest: Place,
    progress: Progress,
) -> TimedPoint:
    plan = Rounds(
        settings.seconds_per_point,
        settings.rounds or _FEWEST_ROUNDS,
        settings.rounds or _MOST_ROUNDS,
        settings.warmup,
    )
    make_batch = partial(full_batch, place, INPUTS, lineup.vocabulary)
    return time_point(runners, make_batch, place, plan, progress, memory.failed if place == largest else {})


def _largest_of_all(places: Sequence[Place], timed: Sequence[TimedPoint]) -> Place | None:
    """The largest call that everybody could run."""
    common = [place for place, found in zip(places, timed, strict=True) if not found.missing]
    return max(common, key=lambda place: place.texts * place.tokens, default=None)


def _energy(
    runners: Mapping[str, Runner], lineup: Lineup, place: Place, settings: BenchSettings, progress: Progress
) -> dict[str, dict[str, Any]]:
    """Energy of each: one after the other, since a meter cannot tell them apart."""
    batch = full_batch(place, INPUTS, lineup.vocabulary)
    found = {}
    progress.start("energy", len(runners))
    for done, (name, runner) in enumerate(runners.items(), start=1):
        found[name] = asdict(energy_of(runner, [batch], settings.country, settings.energy_seconds, section="bench"))
        progress.advance(done)
    progress.finish()
    return found


def _point(place: Place, found: TimedPoint, baseline: str | None, samples: bool) -> Point:
    against = found.results.get(baseline) if baseline else None
    timings = {
        name: _timing(result, None if name == baseline else against, samples) for name, result in found.results.items()
    }
    return Point(batch=place.texts, length=place.tokens, timings=timings, missing=found.missing)


def _timing(result: LatencyResult, baseline: LatencyResult | None, samples: bool) -> Timing:
    from mctl.validators.latency import speedup

    return Timing(
        p50_ms=result.p50_ms,
        p90_ms=result.p90_ms,
        p95_ms=result.p95_ms,
        p99_ms=result.p99_ms,
        throughput_texts_per_s=result.throughput_texts_per_s,
        samples=result.samples,
        speedup=Interval(**asdict(speedup(baseline, result))) if baseline else None,
        samples_ms=list(result.samples_ms) if samples else None,
    )


def _contender(entry: Entry, memory: MemoryFound, emissions: Mapping[str, dict[str, Any]]) -> Contender:
    facts = entry.artifact.manifest.facts
    return Contender(
        folder=str(entry.artifact.folder),
        kind=entry.artifact.manifest.kind,
        runtime="onnxruntime" if entry.is_export else "PyTorch",
        precision=facts.get("precision", "fp32"),
        manifest_sha256=entry.artifact.manifest_sha256,
        parameters=facts["parameters"],
        file_bytes=entry.artifact.weights_bytes,
        memory=memory.memory.get(entry.name),
        emissions=emissions.get(entry.name),
    )


def _call(place: Place) -> Call:
    return Call(batch=place.texts, length=place.tokens)


def _notes(
    lineup: Lineup, settings: BenchSettings, timed: Sequence[TimedPoint], memory: MemoryFound, at: Place | None
) -> list[str]:
    precisions = {entry.artifact.manifest.facts.get("precision") for entry in lineup.entries}
    rounds = [result.samples for found in timed for result in found.results.values()]
    notes = ["Texts are random token ids without padding: a call takes as long as texts of that length would."]
    if settings.provider == "cpu" and "fp16" in precisions:
        notes.append(FP16_ON_CPU)
    if rounds and min(rounds) < _ROUNDS_FOR_P99:
        notes.append(
            f"Some figures are of {min(rounds)} rounds: p99 of fewer than {_ROUNDS_FOR_P99} is little more than the "
            "slowest call. --rounds or --seconds-per-point asks for more."
        )
    notes += [f"Peak memory of {name} is not known: {reason}." for name, reason in memory.unloaded.items()]
    notes += [f"Peak memory of {name} is not known: {reason}." for name, reason in memory.failed.items()]
    if settings.energy and at is None:
        notes.append("Energy was not measured: at no point did all of them run.")
    return notes
