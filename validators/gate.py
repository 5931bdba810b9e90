"""From figures to a verdict: thresholds, one check a figure, and the decision that a CI acts on.

Pure functions over the results of the other validators; nothing is measured here.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from .errors import ValidatorError

if TYPE_CHECKING:
    from .accuracy import PairedAccuracy
    from .emissions import EmissionsResult
    from .integrity import FilesResult, OnnxResult
    from .latency import LatencyResult
    from .parity import ParityResult
    from .statistics import Estimate, Ratio

Verdict = Literal["pass", "fail", "inconclusive", "info"]
Decision = Literal["pass", "fail", "inconclusive"]
Group = Literal["integrity", "parity", "accuracy", "latency", "emissions"]


@dataclass(frozen=True)
class Thresholds:
    """What is asked of an export; None, or a precision that is not listed, asks nothing and only reports the figure.

    Attributes:
        max_logit_diff: by precision, largest |export - source| of any logit. fp32 1e-3: another order of float32
            additions through a deep encoder stays below it, a wrong graph does not. fp16 0.25: 11 bits of mantissa
            carried through the layers; more than that is overflow or a lost normalisation. int8 1.0: rounding to 256
            steps moves logits visibly, but not by a factor e in the odds.
        min_label_agreement: by precision, share (0..1) of texts that keep their label. fp32 0.999 allows a text in a
            thousand that stood on the fence; fp16 0.995 and int8 0.99 allow for their rounding and leave the harm to
            be judged by accuracy.
        max_accuracy_drop_points: points of 100 that accuracy may lose against the baseline. 1.0: what the literature
            on compression commonly calls "no loss".
        max_macro_f1_drop_points: the same for macro F1. 2.0: it weighs rare classes like common ones, and on few
            texts moves about twice as much as accuracy.
        min_speedup: how many times as fast as the baseline. None: speed depends on the machine that validates.
        max_p95_ms: largest 95th percentile of one call. None for the same reason.
        max_gco2e_per_1000_texts: largest emissions. None for the same reason, and because they are often estimates.

    Raises:
        ValidatorError: if a threshold is not a finite number, or an agreement is not a share.
    """

    max_logit_diff: Mapping[str, float | None] = field(
        default_factory=lambda: {"fp32": 1e-3, "fp16": 0.25, "int8": 1.0}
    )
    min_label_agreement: Mapping[str, float | None] = field(
        default_factory=lambda: {"fp32": 0.999, "fp16": 0.995, "int8": 0.99}
    )
    max_accuracy_drop_points: float | None = 1.0
    max_macro_f1_drop_points: float | None = 2.0
    min_speedup: float | None = None
    max_p95_ms: float | None = None
    max_gco2e_per_1000_texts: float | None = None

    def __post_init__(self) -> None:
        singles = (
            self.max_accuracy_drop_points,
            self.max_macro_f1_drop_points,
            self.min_speedup,
            self.max_p95_ms,
            self.max_gco2e_per_1000_texts,
        )
        asked = (*singles, *self.max_logit_diff.values(), *self.min_label_agreement.values())
        if any(value is not None and not math.isfinite(value) for value in asked):
            raise ValidatorError("a threshold must be a finite number, or None to ask nothing")
        if any(value is not None and not 0.0 <= value <= 1.0 for value in self.min_label_agreement.values()):
            raise ValidatorError("min_label_agreement is a share between 0 and 1, not per cent")


@dataclass(frozen=True)
class Check:
    """One figure, judged.

    Attributes:
        name: of the figure, unique within its group.
        verdict: "info" where nothing was asked.
        figure: in `unit`; a figure that is not finite always fails.
        threshold: in `unit`, None where nothing was asked.
        unit: "share" (0..1), "points" (of 100), "ms", "x" (a ratio), "texts/s", "kWh", "gCO2e", "logit", "nats", a
            plain noun for counts.
        why: one sentence with the figures.
    """

    name: str
    group: Group
    verdict: Verdict
    figure: float
    threshold: float | None
    unit: str
    why: str


def integrity_checks(files: FilesResult | None = None, graph: OnnxResult | None = None) -> list[Check]:
    """Checks of a folder's files and of its ONNX file; leave out what was not looked at."""
    checks = []
    if files is not None:
        checks.append(_files_check(files))
    if graph is not None:
        checks += _graph_checks(graph)
    return checks


def fusion_check(graph: OnnxResult, recorded: Mapping[str, int], attention_blocks: int) -> Check:
    """Check of the nodes that stand for several: as many as the export's record says, and enough for its device.

    Args:
        graph: what the file holds.
        recorded: fused nodes by operator, of any domain, when the export was made.
        attention_blocks: how many attention nodes there must be at least; 0 where their form does not matter, which
            is on CPUs.
    """
    found = _by_operator(graph.nodes_by_type)
    wrong = [
        f"{found.get(name, 0)} nodes {name} where {count} are recorded"
        for name, count in recorded.items()
        if found.get(name, 0) != count
    ]
    attention = sum(found.get(name, 0) for name in ("Attention", "MultiHeadAttention"))
    if attention < attention_blocks:
        wrong.append(f"{attention} of {_count(attention_blocks, 'attention block')} are one node, as CUDA needs them")
    fused = ", ".join(f"{count} {name}" for name, count in recorded.items()) or "no fused nodes are recorded"
    verdict: Verdict = "fail" if wrong else "pass"
    return Check("fusion", "integrity", verdict, len(wrong), 0, "problems", "; ".join(wrong) or fused)


def _by_operator(nodes_by_type: Mapping[str, int]) -> Mapping[str, int]:
    counts: Counter[str] = Counter()
    for name, count in nodes_by_type.items():
        counts[name.rpartition(".")[2]] += count
    return counts


def parity_checks(result: ParityResult, precision: str, thresholds: Thresholds) -> list[Check]:
    """Checks of an export against its source; `precision` is a key of the thresholds: fp32, fp16 or int8."""
    on = f"on {_count(result.texts, 'text')}"
    agreement = _Figure("label_agreement", "parity", result.label_agreement, "share", "label agreement", on)
    largest = _Figure("max_logit_diff", "parity", result.max_abs_logit_diff, "logit", "largest logit difference", on)
    mean = _Figure("mean_logit_diff", "parity", result.mean_abs_logit_diff, "logit", "mean logit difference", on)
    divergence = _Figure("mean_kl", "parity", result.mean_kl_nats, "nats", "mean KL divergence", on)
    spoilt = f"{result.non_finite_texts} of {_count(result.texts, 'text')} with logits that are not finite"
    verdict: Verdict = "fail" if result.non_finite_texts else "pass"
    return [
        _at_least(agreement, thresholds.min_label_agreement.get(precision)),
        _at_most(largest, thresholds.max_logit_diff.get(precision)),
        _at_most(mean, None),
        _at_most(divergence, None),
        Check("non_finite_texts", "parity", verdict, result.non_finite_texts, 0, "texts", spoilt),
    ]


def accuracy_checks(result: PairedAccuracy, thresholds: Thresholds) -> list[Check]:
    """Checks of a candidate against its baseline. The point estimate decides; the interval is in the sentence."""
    on = f"on {_count(result.texts, 'text')}"
    flips = f"{result.flipped_to_wrong} turned wrong, {result.flipped_to_right} turned right"
    details = f"{flips}; McNemar p {result.mcnemar_p:.3g}; {result.resolvable_points:.2f} points can be resolved"
    accuracy = _loss("accuracy_drop", "accuracy", result.accuracy_difference_points, f"{on} ({details})")
    macro_f1 = _loss("macro_f1_drop", "macro F1", result.macro_f1_difference_points, on)
    return [
        _at_most(accuracy, thresholds.max_accuracy_drop_points),
        _at_most(macro_f1, thresholds.max_macro_f1_drop_points),
        _at_least(_Figure("accuracy", "accuracy", result.candidate_accuracy, "share", "accuracy", on), None),
        _at_least(_Figure("macro_f1", "accuracy", result.candidate_macro_f1, "share", "macro F1", on), None),
    ]


def latency_checks(result: LatencyResult, thresholds: Thresholds, speedup: Ratio | None = None) -> list[Check]:
    """Checks of latency, and of speed against the baseline if it was measured.

    A speedup passes if its whole interval reaches the threshold, fails if none of it does, and is inconclusive
    in between: a noisy machine must not decide a release.
    """
    over = f"over {_count(result.samples, 'call')}"
    throughput = result.throughput_texts_per_s
    checks = [
        _at_most(_Figure("p50", "latency", result.p50_ms, "ms", "median latency", over), None),
        _at_most(_Figure("p95", "latency", result.p95_ms, "ms", "p95 latency", over), thresholds.max_p95_ms),
        _at_least(_Figure("throughput", "latency", throughput, "texts/s", "throughput", over), None),
    ]
    if speedup is not None:
        checks.append(_speedup_check(speedup, thresholds.min_speedup, over))
    return checks


def emissions_checks(result: EmissionsResult, thresholds: Thresholds) -> list[Check]:
    """Checks of energy and emissions; the sentences say whether they were measured or estimated, and for where."""
    over = f"per 1000 texts, {result.source} over {result.seconds:.3g} s"
    where = f"{over} with electricity of {result.country_name} at {result.gco2e_per_kwh:.0f} gCO2e/kWh"
    energy = _Figure("energy", "emissions", result.kwh_per_1000_texts, "kWh", "energy", over)
    gases = _Figure("emissions", "emissions", result.gco2e_per_1000_texts, "gCO2e", "emissions", where)
    return [_at_most(energy, None), _at_most(gases, thresholds.max_gco2e_per_1000_texts)]


def decide(checks: Iterable[Check]) -> Decision:
    """The verdict: fail if any check fails, else inconclusive if any is, else pass; "info" never decides.

    Raises:
        ValidatorError: without a check: nothing was looked at, which is not a pass.
    """
    verdicts = {check.verdict for check in checks}
    if not verdicts:
        raise ValidatorError("there is no check to decide on")
    if "fail" in verdicts:
        return "fail"
    return "inconclusive" if "inconclusive" in verdicts else "pass"


def _files_check(result: FilesResult) -> Check:
    wrong = {
        "missing": result.missing,
        "changed": result.changed,
        "unexpected": result.unexpected,
        "unsafe": result.unsafe,
    }
    found = sum(len(names) for names in wrong.values())
    listed = "; ".join(f"{word}: {', '.join(names)}" for word, names in wrong.items() if names)
    why = listed or f"all {_count(result.files, 'file')} are as recorded"
    return Check("files", "integrity", "fail" if found else "pass", found, 0, "files", why)


def _graph_checks(result: OnnxResult) -> list[Check]:
    problems, spoilt = result.problems, result.non_finite_initializers
    fp16 = f"{100 * result.fp16_share:.1f} % of the weights in fp16"
    sound = "; ".join(problems) or f"the graph is valid: {_count(result.nodes, 'node')}, opset {result.opset}, {fp16}"
    finite = f"not finite: {', '.join(spoilt)}" if spoilt else "every weight is finite"
    checks = [Check("graph", "integrity", "fail" if problems else "pass", len(problems), 0, "problems", sound)]
    if not problems:
        verdict: Verdict = "fail" if spoilt else "pass"
        checks.append(Check("weights", "integrity", verdict, len(spoilt), 0, "initializers", finite))
    return checks


@dataclass(frozen=True)
class _Figure:
    """A figure before it is judged; `label` and `tail` are what its sentence says before and after it."""

    name: str
    group: Group
    value: float
    unit: str
    label: str
    tail: str


def _loss(name: str, what: str, difference: Estimate, tail: str) -> _Figure:
    """A loss in points: the difference with its sign turned; 0.0 is added so that no loss is not written -0."""
    bounds = f"{-difference.high + 0.0:.2f} to {-difference.low + 0.0:.2f}"
    interval = f"({100 * difference.confidence:.0f} % interval {bounds})"
    return _Figure(name, "accuracy", -difference.value + 0.0, "points", f"loss of {what}", f"{interval} {tail}")


def _speedup_check(speedup: Ratio, threshold: float | None, over: str) -> Check:
    interval = f"({100 * speedup.confidence:.0f} % interval {speedup.low:.2f} to {speedup.high:.2f})"
    check = _at_least(_Figure("speedup", "latency", speedup.value, "x", "speedup", f"{over} {interval}"), threshold)
    if threshold is None or not math.isfinite(speedup.value):
        return check
    if speedup.low < threshold <= speedup.high:
        return replace(check, verdict="inconclusive")
    return check


def _at_most(figure: _Figure, limit: float | None) -> Check:
    return _judge(figure, limit, limit is None or figure.value <= limit, "at most", "allowed")


def _at_least(figure: _Figure, limit: float | None) -> Check:
    return _judge(figure, limit, limit is None or figure.value >= limit, "at least", "asked")


def _judge(figure: _Figure, threshold: float | None, holds: bool, bound: str, word: str) -> Check:
    verdict: Verdict = "info" if threshold is None else "pass"
    if not holds or not math.isfinite(figure.value):
        verdict = "fail"
    shown, limit = _written(figure.value, threshold, figure.unit)
    why = f"{figure.label} {shown} {figure.tail}"
    if threshold is not None:
        why = f"{why}, {bound} {limit} {word}"
    return Check(figure.name, figure.group, verdict, figure.value, threshold, figure.unit, why)


def _written(figure: float, threshold: float | None, unit: str) -> tuple[str, str]:
    """Figure and threshold with their unit, with as many digits as it takes to tell unequal ones apart."""
    factor, word = (100.0, " %") if unit == "share" else (1.0, "" if unit == "logit" else f" {unit}")
    limit = figure if threshold is None else threshold
    shown, asked = "", ""
    for digits in range(4, 17):
        shown, asked = _digits(factor * figure, digits), _digits(factor * limit, digits)
        if figure == limit or shown != asked:
            break
    return f"{shown}{word}", f"{asked}{word}"


def _digits(value: float, digits: int) -> str:
    """A number with so many significant digits, never in powers of ten where it is large."""
    return f"{value:.0f}" if 10.0**digits <= abs(value) < 1e15 else f"{value:.{digits}g}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
