"""`mctl.data.load`, composed: read, clean, split, fingerprint."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

from mctl.data.clean import Frame, clean
from mctl.data.dataset import Columns, Dataset, Split, SplitName, fingerprint
from mctl.data.report import CleaningReport, Finding
from mctl.data.rows import Rows
from mctl.data.settings import DataSettings
from mctl.data.sources import read_source
from mctl.data.split import cut
from mctl.errors import UserError

logger = logging.getLogger(__name__)


def load_dataset(settings: DataSettings) -> Dataset:
    """See `mctl.data.load`."""
    source = read_source(settings)
    frame, report = clean(source, settings)
    _check_classes(frame, report, str(settings.source))
    splits, cut_from_train = cut(frame, settings)
    report = replace(report, findings=(*report.findings, *_not_evaluated(splits)))
    for finding in report.findings:
        logger.info("%s: %s: %d rows, %s", settings.source, finding.kind, finding.count, finding.what_was_done)
    return Dataset(
        class_names=tuple(sorted(set(splits["train"].labels))),
        splits=splits,
        cut_from_train=cut_from_train,
        columns=_columns(source),
        source=str(settings.source),
        report=report,
        sha256=fingerprint(splits),
    )


def _columns(source: Mapping[str, Rows]) -> Columns:
    return source["train"].columns if "train" in source else next(iter(source.values())).columns


def _check_classes(frame: Frame, report: CleaningReport, where: str) -> None:
    names = sorted(frame["label"].unique())
    if len(names) >= 2:
        return
    found = "; ".join(f"{finding.kind}: {finding.count} rows" for finding in report.findings) or "nothing to clean"
    left = f"only the class {names[0]!r} is left" if names else "no row is left"
    raise UserError(
        f"{left} of {sum(report.rows_read.values())} rows after cleaning ({found}).",
        where=where,
        todo="A classifier needs two classes or more: check that the right column is the label.",
    )


def _not_evaluated(splits: Mapping[SplitName, Split]) -> list[Finding]:
    """Classes that dev or test lacks: what is measured there says nothing about them."""
    trained = splits["train"].rows_per_class()
    findings = []
    for name in ("dev", "test"):
        lacking = sorted(trained.keys() - set(splits[name].labels))
        if lacking:
            rows = sum(trained[label] for label in lacking)
            findings.append(Finding("class_not_evaluated", rows, f"kept, though {name} lacks: {', '.join(lacking)}"))
    return findings
