"""Is an export what was made, and does it descend from what its manifest says?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mctl.artifact import Artifact, no_part_of
from mctl.pipeline.export import MODEL_FILE
from mctl.pipeline.lineage import Lineage
from mctl.pipeline.loading import class_order, load_config
from mctl.recipe import ModelSettings, Provider

if TYPE_CHECKING:
    from mctl.validators.gate import Check


def integrity(lineage: Lineage, provider: Provider) -> list[Check]:
    """All checks that need nothing but the files: hashes, records of the strip and of labels, and the graph."""
    from mctl.validators.gate import lineage_checks

    checks = [check for role, artifact in lineage.members().items() for check in _files(role, artifact)]
    if any(check.verdict == "fail" for check in checks):
        return checks
    pruning = lineage.source.manifest.facts.get("pruning")
    labels = {
        role: class_order(load_config(ModelSettings(name=str(artifact.folder))))
        for role, artifact in lineage.members().items()
    }
    checks += lineage_checks(pruning["strip_max_abs_logit_diff"] if pruning else None, labels)
    return checks + _graph(lineage, provider)


def files_and_graph(export: Artifact) -> list[Check]:
    """Whether a lone export is whole: hashes of its files, and a valid graph whose weights lie in its folder."""
    from mctl.validators.gate import integrity_checks
    from mctl.validators.integrity import check_onnx

    checks, facts = _files("export", export), export.manifest.facts
    if any(check.verdict == "fail" for check in checks):
        return checks
    return checks + integrity_checks(graph=check_onnx(export.folder / MODEL_FILE, facts["inputs"], facts["outputs"]))


def _files(role: str, artifact: Artifact) -> list[Check]:
    from mctl.validators.gate import integrity_checks
    from mctl.validators.integrity import FileRecord, check_files

    records = {name: FileRecord(entry.sha256, entry.bytes) for name, entry in artifact.manifest.files.items()}
    found = check_files(artifact.folder, records, ignore=no_part_of(artifact.folder))
    return [replace(check, name=f"{role}_{check.name}") for check in integrity_checks(files=found)]


def _graph(lineage: Lineage, provider: Provider) -> list[Check]:
    from mctl.validators.gate import fusion_check, integrity_checks, share_check
    from mctl.validators.integrity import check_onnx

    facts = lineage.export.manifest.facts
    graph = check_onnx(lineage.export.folder / MODEL_FILE, facts["inputs"], facts["outputs"])
    checks = integrity_checks(graph=graph)
    if graph.problems:
        return checks
    blocks = sum(heads > 0 for heads in facts["layout"]["heads"]) if provider == "cuda" else 0
    checks.append(fusion_check(graph, facts["graph"].get("fusions", {}), blocks))
    conversion = facts.get("conversion") or {}
    kept = len(conversion.get("kept_fp32", ()))
    if (recorded := conversion.get("fp16_weight_share")) is not None:
        checks.append(share_check(graph, recorded, kept))
    elif (recorded := conversion.get("fp16_initializer_share")) is not None:
        checks.append(share_check(graph, recorded, kept, of_all=True))
    return checks
