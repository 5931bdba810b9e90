"""A new export against the last release, as its verdict file tells of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mctl.artifact import MANIFEST, Artifact, load_artifact, sha256_of
from mctl.errors import UserError
from mctl.ownership import HISTORY
from mctl.pipeline.integrity import files_and_graph
from mctl.pipeline.lineage import Lineage
from mctl.pipeline.machine import fingerprint
from mctl.pipeline.measure import Measured
from mctl.pipeline.moves import moves
from mctl.pipeline.speed import Speed, one_sided
from mctl.report.schema import Comparison, Participant, ValidationResult
from mctl.report.verdict_files import parse_result

if TYPE_CHECKING:
    from mctl.validators.gate import Check, Thresholds
    from mctl.validators.statistics import Ratio

# Of what speed was measured with, what a ratio depends on, and in which words it is said.
_CONDITIONS = {
    "provider": "provider",
    "batch_size": "batch size",
    "batches": "timed batches",
    "threads": "threads",
    "clock": "the clock",
}


def read_release(path: Path) -> ValidationResult:
    """The verdict file of a release.

    Raises:
        UserError: it is no verdict file, or one of an export that was not measured.
    """
    release = parse_result(path)
    if release.error is not None:
        raise UserError(
            f"this is a report of an error, and no verdict: {release.error.what}",
            where=str(path),
            todo=f"Name a verdict of the release: those of an export are kept in its folder {HISTORY}.",
        )
    before = release.participants["export"]
    if release.comparison is None or not before.file_bytes or not before.predicted:
        raise UserError(
            "this verdict is of an export that was not measured.",
            where=str(path),
            todo="Name the validation.json of a release that was.",
        )
    return release


def released_export(release: ValidationResult, path: Path) -> Artifact | None:
    """The export that a verdict file is of, if it stands beside the file.

    Raises:
        UserError: it does, and is not whole.
    """
    manifest = path.parent / MANIFEST
    if not manifest.is_file() or sha256_of(manifest) != release.participants["export"].manifest_sha256:
        return None
    export = load_artifact(path.parent)
    wrong = [check.why for check in files_and_graph(export) if check.verdict == "fail"]
    if wrong:
        raise UserError(
            f"the release is not what it was: {'; '.join(wrong)}.",
            where=str(path.parent),
            todo="Copy it again, or move the verdict file out of its folder to compare figures alone.",
        )
    return export


def against(
    release: ValidationResult,
    now: ValidationResult,
    lineage: Lineage,
    measured: Measured,
    limits: Thresholds,
    unknown: str | None = None,
) -> list[Check]:
    """Checks of everything that both verdicts measured.

    Accuracy is compared text by text if both were judged on the same rows; speed in units of the baseline beside each,
    and only if both were measured alike; size always. What no limit is set for is told.

    Args:
        now: the verdict on the new export alone.
        unknown: why accuracy on the test texts is not judged; None where it is.
    """
    from mctl.validators.gate import (
        growth_check,
        move_check,
        on_unknown_training,
        own_verdict_check,
        rows_check,
        words_check,
        worse_check,
    )

    before, after = release.participants["export"], now.participants["export"]
    same_rows = release.data.get("sha256") == now.data.get("sha256")
    same_rows = same_rows and len(before.predicted or ()) == len(measured.texts)
    same_classes = release.classes == now.classes
    checks = [rows_check(same_rows, same_classes)]
    if same_rows and same_classes:
        accuracy = _accuracy(before, measured, limits)
        checks += accuracy if unknown is None else on_unknown_training(accuracy, unknown)
    checks.append(growth_check(before.file_bytes, after.file_bytes, limits))
    differences: list[str] = []
    if release.comparison is not None:
        differences = unlike(release, release.comparison, lineage, measured.speed)
        checks.append(slowdown(release, release.comparison, lineage, measured.speed, limits))
    same_machine = _machine(release.machine) == _machine(now.machine)
    moved = moves(release, now, same_machine=same_machine, same_speed=not differences)
    failed = [check.name for check in release.checks if check.verdict in ("fail", "inconclusive")]
    return [
        *checks,
        *(move_check(move) for move in moved),
        words_check("precision", "precision", before.precision, after.precision),
        own_verdict_check(release.verdict, failed),
        worse_check(checks, moved),
    ]


def slowdown(
    release: ValidationResult, before: Comparison, lineage: Lineage, speed: Speed, limits: Thresholds
) -> Check:
    """Time of the export against the release's: of both side by side if the release was at hand.

    If not, each is in units of the baseline that was timed in turn with it. So what a machine was busy with cancels, as
    far as it hits both alike; what it does not is in the spread of the blocks of both verdicts, and in the time that
    they waited for a processor.
    """
    from mctl.validators.gate import slowdown_check

    if speed.slowdown is not None:
        return slowdown_check(speed.slowdown, limits, beside=True)
    return slowdown_check(_slowdown(release, before, speed), limits, unlike=unlike(release, before, lineage, speed))


def comparable(release: ValidationResult, before: Comparison, lineage: Lineage, speed: Speed) -> bool:
    """Whether the two speeds say anything about each other."""
    return speed.slowdown is not None or not unlike(release, before, lineage, speed)


def unlike(release: ValidationResult, before: Comparison, lineage: Lineage, speed: Speed) -> list[str]:
    """What differs between the two verdicts in how speed was measured; in words."""
    found = []
    if release.participants["baseline"].manifest_sha256 != lineage.baseline.manifest_sha256:
        found.append("another baseline")
    if _machine(release.machine) != _machine(fingerprint()):
        found.append("another machine")
    for name, word in _CONDITIONS.items():
        # The clock on the wall was the only one before the files named it.
        then, now = before.measured_with.get(name, "wall" if name == "clock" else None), speed.measured_with[name]
        if then != now:
            found.append(f"{word} {then} instead of {now}")
    return found


def _slowdown(release: ValidationResult, before: Comparison, speed: Speed) -> Ratio:
    from mctl.validators.blocks import allowing_for_waiting, quotient_over_blocks

    blocks = before.block_speedups or [before.speedup.value]
    found = quotient_over_blocks(blocks, speed.blocks, confidence=one_sided(speed.speedup.confidence))
    if speed.measured_with["clock"] == "processor":
        return found
    # Above the line are the release's baseline and this export, below it the release's export and this baseline.
    released = {role: _waited(release.participants[role]) for role in ("baseline", "export")}
    for above, below in (
        (speed.latency["export"].waited_share, speed.latency["baseline"].waited_share),
        (released["baseline"], released["export"]),
    ):
        found = allowing_for_waiting(found, above, below)
    return found


def _waited(participant: Participant) -> float:
    return (participant.latency or {}).get("waited_share", 0.0)


def _accuracy(before: Participant, measured: Measured, limits: Thresholds) -> list[Check]:
    from mctl.validators.accuracy import compare_predictions, predict
    from mctl.validators.gate import release_accuracy_checks
    from mctl.validators.slices import class_slices_of_predictions

    released = np.array(before.predicted, np.int64)
    texts = measured.labels.astype(np.int64), released, predict(measured.logits["export"].astype(np.float64))
    slices = class_slices_of_predictions(*texts, measured.class_names)
    return release_accuracy_checks(compare_predictions(*texts), slices, limits)


def _machine(facts: dict[str, object]) -> tuple[object, ...]:
    return tuple(str(facts.get(name)) for name in ("processor", "cores", "gpus"))
