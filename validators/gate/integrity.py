"""Is the artifact what was made, and is its graph sound?"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from .check import Check, Verdict, count

if TYPE_CHECKING:
    from ..integrity import FilesResult, OnnxResult

MAX_STRIP_LOGIT_DIFF = 1e-4
"""Other orders of float32 additions through a deep encoder stay below it; a wrong head or row does not."""
MIN_FP16_SHARE = 0.99
_ROUNDING = 1e-6  # of a share that went through JSON


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
        f"{found.get(name, 0)} nodes {name} where {nodes} are recorded"
        for name, nodes in recorded.items()
        if found.get(name, 0) != nodes
    ]
    attention = sum(found.get(name, 0) for name in ("Attention", "MultiHeadAttention"))
    if attention < attention_blocks:
        wrong.append(f"{attention} of {count(attention_blocks, 'attention block')} are one node, as CUDA needs them")
    fused = ", ".join(f"{nodes} {name}" for name, nodes in recorded.items()) or "no fused nodes are recorded"
    verdict: Verdict = "fail" if wrong else "pass"
    return Check("fusion", "integrity", verdict, len(wrong), 0, "problems", "; ".join(wrong) or fused)


def lineage_checks(stripped_by: float | None, labels: Mapping[str, Sequence[str]]) -> list[Check]:
    """Checks of what an export descends from.

    Args:
        stripped_by: largest logit difference between the masked model and the stripped one, as the strip recorded it;
            None where nothing was stripped.
        labels: names of the classes by class number, of every model.
    """
    checks = []
    if stripped_by is not None:
        why = f"the stripped model's logits differ by at most {stripped_by:.2g} from the masked model's"
        verdict: Verdict = "pass" if stripped_by <= MAX_STRIP_LOGIT_DIFF else "fail"
        checks.append(Check("strip", "integrity", verdict, stripped_by, MAX_STRIP_LOGIT_DIFF, "logit", why))
    first, *others = labels
    unlike = [role for role in others if list(labels[role]) != list(labels[first])]
    why = f"all models number {len(labels[first])} classes alike"
    if unlike:
        why = f"{', '.join(unlike)} and {first} number their classes differently"
    checks.append(Check("labels", "integrity", "fail" if unlike else "pass", len(unlike), 0, "models", why))
    return checks


def runs_check(role: str, reason: str) -> Check:
    """Check that was failed by a model that does not run on the test texts.

    Args:
        role: whose model.
        reason: what its runtime said.
    """
    return Check("runs", "integrity", "fail", 1, 0, "models", f"{role} does not run on the test texts: {reason}")


def share_check(graph: OnnxResult, recorded: float, kept: int, *, of_all: bool = False) -> Check:
    """Check of an fp16 export: are as many of its weights fp16 as when it was made, and as many as there should be?

    Weights are floating-point initializers, by their bytes: ids and shapes are integers in every precision.

    Args:
        recorded: share when the export was made.
        kept: how many nodes were left in fp32 on purpose; with any, the recorded share alone counts.
        of_all: the record counts the bytes of all initializers, as mctl 0.1.0 did.
    """
    found, share = graph.fp16_share, graph.fp16_share_of_all if of_all else graph.fp16_share
    least = recorded - _ROUNDING if kept or of_all else max(MIN_FP16_SHARE, recorded - _ROUNDING)
    enough = kept or found >= MIN_FP16_SHARE
    counted = "bytes of the initializers" if of_all else "weights"
    why = f"{100 * share:.2f} % of the {counted} are fp16, {100 * recorded:.2f} % were when it was made"
    if of_all:
        why = f"{why}; of the weights {100 * found:.2f} %"
    if kept:
        why = f"{why}, with {count(kept, 'node')} kept in fp32"
    verdict: Verdict = "pass" if share >= least and enough else "fail"
    return Check("fp16_share", "integrity", verdict, share, least, "share", why)


def data_check(
    source: str,
    *,
    same_rows: bool,
    same_source: bool,
    texts: int,
    seen: int | None,
    said_to_be_unseen: bool,
    unknown: str | None = None,
) -> Check:
    """Check of the evaluation data: nothing was trained on its test texts.

    Args:
        source: where the data came from, for the sentence.
        same_rows: whether they are the cleaned rows that the models were made from, and so split alike.
        same_source: whether they come from where those came from.
        texts: of the test split.
        seen: how many of them the models were trained on; None if nobody can tell any more.
        said_to_be_unseen: the user says that there are none.
        unknown: why nobody can tell what a model from elsewhere was trained on; None where that is known.
    """

    def check(verdict: Verdict, why: str) -> Check:
        figure = math.nan if seen is None else seen
        return Check("data", "integrity", verdict, figure, 0, "texts", f"{source} {why}")

    if same_rows and unknown is None:
        return check("pass", "holds the rows the models were made from")
    if same_source and not same_rows:
        return check(
            "fail",
            "is not what it was when the models were made: texts they were trained on may be in its test split",
        )
    if seen:
        return check(
            "fail", f"has {seen} of its {count(texts, 'test text')} from those that the models were trained on"
        )
    if unknown is not None:
        return check("inconclusive", f"holds texts that were perhaps learnt: {unknown}")
    if seen == 0:
        return check("info", "holds other rows than the models were made from, and no test text that they learnt")
    if said_to_be_unseen:
        return check("info", "holds other rows than the models were made from, said to be unseen")
    return check(
        "inconclusive",
        "holds other rows than the models were made from, which are not at hand: its test texts may be among them "
        "(--unseen-data says that they are not)",
    )


def _by_operator(nodes_by_type: Mapping[str, int]) -> Mapping[str, int]:
    counts: Counter[str] = Counter()
    for name, nodes in nodes_by_type.items():
        counts[name.rpartition(".")[2]] += nodes
    return counts


def _files_check(result: FilesResult) -> Check:
    wrong = {
        "missing": result.missing,
        "changed": result.changed,
        "unexpected": result.unexpected,
        "unsafe": result.unsafe,
    }
    found = sum(len(names) for names in wrong.values())
    listed = "; ".join(f"{word}: {', '.join(names)}" for word, names in wrong.items() if names)
    why = listed or f"all {count(result.files, 'file')} are as recorded"
    return Check("files", "integrity", "fail" if found else "pass", found, 0, "files", why)


def _graph_checks(result: OnnxResult) -> list[Check]:
    problems, spoilt = result.problems, result.non_finite_initializers
    fp16 = f"{100 * result.fp16_share:.1f} % of the weights in fp16"
    sound = "; ".join(problems) or f"the graph is valid: {count(result.nodes, 'node')}, opset {result.opset}, {fp16}"
    finite = f"not finite: {', '.join(spoilt)}" if spoilt else "every weight is finite"
    checks = [Check("graph", "integrity", "fail" if problems else "pass", len(problems), 0, "problems", sound)]
    if not problems:
        verdict: Verdict = "fail" if spoilt else "pass"
        checks.append(Check("weights", "integrity", verdict, len(spoilt), 0, "initializers", finite))
    return checks
