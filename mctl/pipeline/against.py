"""A new export against the last release, as its verdict file tells of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mctl.pipeline.dataset import StageData
from mctl.pipeline.lineage import Lineage
from mctl.pipeline.machine import fingerprint
from mctl.pipeline.measure import Measured
from mctl.report.schema import Participant, ValidationResult

if TYPE_CHECKING:
    from mctl.validators.gate import Check, Thresholds


def against(
    release: ValidationResult, lineage: Lineage, data: StageData, measured: Measured, limits: Thresholds
) -> list[Check]:
    """Checks of everything that both verdicts measured.

    Accuracy is compared text by text if both were judged on the same rows; speed in units of the baseline beside each,
    and only on the same kind of processor; size always.
    """
    from mctl.validators.gate import growth_check, rows_check, slowdown_check
    from mctl.validators.statistics import Ratio, quotient

    before = release.participants["export"]
    same_rows = release.data.get("sha256") == data.dataset.sha256 and len(before.predicted or ()) == len(measured.texts)
    same_classes = release.classes == list(measured.class_names)
    checks = [rows_check(same_rows, same_classes)]
    if same_rows and same_classes:
        checks += _accuracy(before, measured, limits)
    checks.append(growth_check(before.file_bytes, lineage.export.weights_bytes, limits))
    if release.comparison is not None:
        # Each in units of the baseline that was timed in turn with it, so that what a machine was busy with cancels.
        found = quotient(Ratio(**release.comparison.speedup.model_dump()), measured.speedup)
        checks.append(slowdown_check(found, limits, same_machine=_machine(release.machine) == _machine(fingerprint())))
    return checks


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
