"""Is the artifact what was made, and is its graph sound?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from .check import Check, Verdict, count

if TYPE_CHECKING:
    from ..integrity import FilesResult, OnnxResult


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
