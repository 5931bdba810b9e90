"""`mctl.data.load`, composed: read, clean, split, fingerprint."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from mctl.data.clean import clean
from mctl.data.dataset import SPLIT_NAMES, Columns, Dataset, Split, SplitName
from mctl.data.dropped_limit import check_dropped
from mctl.data.facts import Facts, collect
from mctl.data.fingerprint import fingerprint
from mctl.data.report import CleaningReport, Finding
from mctl.data.rows import CHUNK_ROWS, RowSource
from mctl.data.settings import DataSettings
from mctl.data.sources import read_source
from mctl.data.spelling import evenly_spelled
from mctl.data.split import cut
from mctl.data.stored import Positions
from mctl.errors import UserError

logger = logging.getLogger(__name__)


def load_dataset(settings: DataSettings, chunk_rows: int = CHUNK_ROWS, *, to_judge: bool = False) -> Dataset:
    """See `mctl.data.load`. Rows are read `chunk_rows` at a time, which the result does not depend on."""
    source = read_source(settings, chunk_rows, to_judge=to_judge)
    facts, respelled = evenly_spelled(collect(source, settings.seed), settings)
    kept, report, dropped = clean(facts, settings)
    _check_classes(facts, kept, report, str(settings.source))
    check_dropped(dropped, report.rows_read, settings)
    positions, cut_from_train = cut(facts, kept, settings)
    splits = _splits(facts, positions)
    passed_over = [found for opened in source.values() for found in opened.findings]
    report = replace(report, findings=(*passed_over, *respelled, *report.findings, *_not_evaluated(splits)))
    for finding in report.findings:
        logger.info("%s: %s: %d rows, %s", settings.source, finding.kind, finding.count, finding.what_was_done)
    return Dataset(
        class_names=splits["test"].names,
        splits=splits,
        cut_from_train=cut_from_train,
        columns=_columns(source),
        source=str(settings.source),
        test_file=settings.test_file,
        report=report,
        dropped=dropped,
        sha256=fingerprint(splits),
    )


def _splits(facts: Facts, positions: Mapping[SplitName, Positions]) -> dict[SplitName, Split]:
    """The rows at some positions, in one file, in the order in which they will be read."""
    labels = facts.records["label"]
    # Every class has a row in train: smaller ones were dropped, and each is covered by `limit`.
    most = positions["train"] if len(positions["train"]) else positions["test"]
    present = sorted((facts.labels[number], int(number)) for number in np.unique(labels[most]))
    names = tuple(name for name, _ in present)
    codes = np.zeros(len(facts.labels), np.int32)
    codes[[number for _, number in present]] = np.arange(len(present))
    texts = facts.texts.rearranged(np.concatenate([positions[name] for name in SPLIT_NAMES]))
    splits: dict[SplitName, Split] = {}
    start = 0
    for name in SPLIT_NAMES:
        end = start + len(positions[name])
        splits[name] = Split(
            texts[start:end], codes[labels[positions[name]]], names, facts.records["number"][positions[name]]
        )
        start = end
    return splits


def _columns(source: Mapping[str, RowSource]) -> Columns:
    return source["train"].columns if "train" in source else next(iter(source.values())).columns


def _check_classes(facts: Facts, kept: Positions, report: CleaningReport, where: str) -> None:
    names = [facts.labels[number] for number in np.unique(facts.records["label"][kept])]
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
    trained = splits["train"].rows_per_class()  # Nothing, where the rows are to judge a model.
    findings = []
    for name in ("dev", "test"):
        lacking = sorted(trained.keys() - splits[name].rows_per_class().keys())
        if lacking:
            rows = sum(trained[label] for label in lacking)
            findings.append(Finding("class_not_evaluated", rows, f"kept, though {name} lacks: {', '.join(lacking)}"))
    return findings
