"""An export against its source and the baseline: figures, checks, verdict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mctl.artifact import Artifact, now
from mctl.errors import UserError
from mctl.pipeline.against import against, comparable, read_release, released_export, slowdown
from mctl.pipeline.contestants import CannotRunError
from mctl.pipeline.dataset import StageData, load_judging_data
from mctl.pipeline.error_report import error_reports
from mctl.pipeline.evidence import check_result, comparison, participant
from mctl.pipeline.inherit import data_of, resolved
from mctl.pipeline.integrity import integrity
from mctl.pipeline.judge import thresholds
from mctl.pipeline.lineage import Lineage, export_in, find_lineage
from mctl.pipeline.loading import class_order, load_config
from mctl.pipeline.machine import FP16_ON_CPU, fingerprint, is_named
from mctl.pipeline.measure import Measured, measure
from mctl.pipeline.provenance import unknown_training
from mctl.pipeline.runtime_version import check_runtime
from mctl.pipeline.sessions import check_provider
from mctl.pipeline.speed import Enough, Speed
from mctl.pipeline.spent import making_of, repaid, repaid_result
from mctl.pipeline.stage import versions
from mctl.pipeline.unseen import check_data
from mctl.progress import Progress
from mctl.recipe import ModelSettings, Recipe
from mctl.report.reason import reason_of
from mctl.report.schema import ValidationResult
from mctl.report.verdict_files import CARD, check_places, keeps_card, retire_others, write_evidence


def validate(recipe: Recipe, progress: Progress, folder: Path | None = None) -> ValidationResult:
    """Judge an export, and write `validation.json` and the reports made of it into its folder.

    Integrity comes first: what was tampered with is not measured. Where no verdict is reached, a report of the error
    stands in the place of the last verdict, which stays in the history.

    Args:
        folder: of the export; by default that of `export_in`.

    Raises:
        UserError: no export, an incomplete lineage, data that cannot be used, a provider that is not there, a release
            that is no verdict file, a file of the user's with the name of a report, or an artifact that was replaced
            meanwhile.
    """
    provider = recipe.measure.provider
    chosen = folder or export_in(recipe.artifacts)
    with error_reports(chosen, provider, progress) as begin:
        release = read_release(recipe.gate.against) if recipe.gate.against else None
        begin()
        check_provider(provider, "--provider, or provider under [measure]")
        released = released_export(release, recipe.gate.against) if release and recipe.gate.against else None
        if chosen is None:
            raise UserError(f"there is no export in {recipe.artifacts}.", todo="Run `mctl export` first.")
        lineage = find_lineage(chosen)
        if folder is None:
            progress.say(f"validating {chosen}, the newest there is")
        check_runtime(lineage.export)
        check_places(chosen, provider)
        result = _judge(recipe, progress, lineage, release, released)
        for artifact in (*lineage.members().values(), *([released] if released else [])):
            artifact.check_unchanged()
        retire_others(result, lineage.export.folder, whole=_whole(result))
        write_evidence(result, lineage.export.folder)
    if keeps_card(card := lineage.export.folder):
        progress.say(
            f"{card / CARD} was written or changed by somebody else and stays as it is; its figures may be older. "
            "`mctl report --format card` has the new ones."
        )
    return result


def _judge(
    recipe: Recipe,
    progress: Progress,
    lineage: Lineage,
    release: ValidationResult | None,
    released: Artifact | None,
) -> ValidationResult:
    from mctl.validators.gate import runs_check

    checks = integrity(lineage, recipe.measure.provider)
    measured = data = unknown = None
    notes = ["Nothing was measured: see the integrity checks that failed."]
    if _sound(checks):
        data = _data(recipe, lineage, progress)
        unknown = unknown_training(data, lineage, unseen=recipe.gate.unseen_data)
        checks.append(check_data(data, lineage, unseen=recipe.gate.unseen_data, unknown=unknown))
    if data and _sound(checks):
        try:
            enough = _enough(recipe, lineage, release)
            measured = measure(lineage, data, recipe.measure, enough, progress, released)
        except CannotRunError as error:
            checks.append(runs_check(error.role, error.reason))
    if data and measured:
        checks += _judged(lineage, measured, recipe, unknown)
        notes = [*_remarks(lineage, recipe), *_on_baseline(measured)]
    evaluated = data.summary() if data else {}
    result = _result(recipe, lineage, checks, measured, evaluated, notes)
    if release is not None and measured is not None:
        checks += against(release, result, lineage, measured, thresholds(recipe.gate), unknown)
        result = _result(recipe, lineage, checks, measured, evaluated, notes)
    return result


def _whole(result: ValidationResult) -> bool:
    """Whether the export is as it was made: what speaks for that has nothing to do with the data or the provider."""
    others = {"data", "runs"}
    return not any(
        check.group == "integrity" and check.verdict == "fail" and check.name not in others for check in result.checks
    )


def _sound(checks: list[Any]) -> bool:
    return all(check.verdict != "fail" for check in checks)


def _data(recipe: Recipe, lineage: Lineage, progress: Progress) -> StageData:
    made_from = data_of(lineage.source)
    classes = class_order(load_config(ModelSettings(name=str(lineage.source.folder))))
    sha256 = lineage.source.manifest.data.get("sha256")
    return load_judging_data(resolved(recipe, lineage.source).data, made_from, sha256, progress, classes)


def _enough(recipe: Recipe, lineage: Lineage, release: ValidationResult | None) -> Enough:
    """Whether latencies decide all that is asked of them, as far as any could."""
    from mctl.validators.gate import speedup_check

    limits = thresholds(recipe.gate)
    before = release.comparison if release is not None else None

    def enough(speed: Speed) -> bool:
        checks = [speedup_check(speed.speedup, limits.min_speedup, "")]
        if release is not None and before is not None and comparable(release, before, lineage, speed):
            checks.append(slowdown(release, before, lineage, speed, limits))
        return all(check.verdict != "inconclusive" for check in checks)

    return enough


def _judged(lineage: Lineage, measured: Measured, recipe: Recipe, unknown: str | None) -> list[Any]:
    from mctl.validators.gate import (
        accuracy_checks,
        break_even_check,
        emissions_checks,
        latency_checks,
        on_unknown_training,
        on_weak_baseline,
        parity_checks,
        slice_checks,
    )
    from mctl.validators.statistics import quantile_interval

    limits = thresholds(recipe.gate)
    p95 = quantile_interval(measured.speed.latency["export"].samples_ms, 0.95)
    precision = lineage.export.manifest.facts["precision"]
    accuracy = [*accuracy_checks(measured.accuracy, limits), *slice_checks(measured.slices, limits)]
    checks = [
        *parity_checks(measured.parity, precision, limits),
        *(on_weak_baseline(accuracy, measured.majority) if unknown is None else on_unknown_training(accuracy, unknown)),
        *latency_checks(
            measured.speed.latency["export"],
            limits,
            measured.speed.speedup,
            p95=p95,
            same_machine=is_named(recipe.gate.max_p95_on, measured.speed.measured_with["threads"]),
        ),
    ]
    if "export" in measured.emissions:
        checks += emissions_checks(measured.emissions["export"], limits)
        if found := repaid(lineage, measured.emissions):
            spent, texts = found
            checks.append(break_even_check(texts, spent.kwh, spent.unknown))
    return checks


def _remarks(lineage: Lineage, recipe: Recipe) -> list[str]:
    notes = []
    if lineage.export.manifest.facts["precision"] == "fp16" and recipe.measure.provider == "cpu":
        notes.append(FP16_ON_CPU)
    facts = lineage.export.manifest.facts
    if facts["provider"] == "cuda" and recipe.measure.provider == "cpu" and not facts["graph"].get("fusions"):
        notes.append("The export is meant for CUDA, and no attention in it is fused: with --provider cuda that fails.")
    if recipe.gate.min_speedup is None:
        notes.append("Speed is reported and not judged: set min_speedup under [gate] to make it count.")
    if "synthetic" in str(lineage.source.manifest.data.get("source", "")):
        notes.append("The texts are synthetic: these figures say that the chain works, and nothing about real data.")
    return notes


def _on_baseline(measured: Measured) -> list[str]:
    """What a weak baseline leaves open."""
    from mctl.validators.gate import against_majority_in_words, without_a_hit

    notes, found = [], measured.majority
    if not found.is_more_accurate:
        words = against_majority_in_words(found)
        notes.append(f"{words[:1].upper()}{words[1:]}. Train it longer or with other settings.")
    for kind, plural in (("class", "classes"), ("length", "lengths")):
        if names := without_a_hit([part for part in measured.slices if part.kind == kind]):
            notes.append(f"The baseline has no text of these {plural} right, so they are not judged: {names}.")
    return notes


def _result(
    recipe: Recipe,
    lineage: Lineage,
    checks: list[Any],
    measured: Measured | None,
    data: dict[str, Any],
    notes: list[str],
) -> ValidationResult:
    from mctl.validators.gate import decide

    result = ValidationResult(
        verdict=decide(checks),
        created=now(),
        artifact=lineage.export.name,
        participants={role: participant(role, artifact, measured) for role, artifact in lineage.members().items()},
        checks=[check_result(check) for check in checks],
        classes=list(measured.class_names) if measured else [],
        comparison=comparison(measured) if measured else None,
        making=making_of([lineage.baseline, *lineage.made_of_baseline()]),
        break_even=repaid_result(lineage, measured.emissions) if measured else None,
        data=data,
        notes=notes,
        machine=fingerprint(),
        versions=versions(),
        provider=recipe.measure.provider,
        manifest_sha256=lineage.export.manifest_sha256,
    )
    return result.model_copy(update={"reason": reason_of(result)})
