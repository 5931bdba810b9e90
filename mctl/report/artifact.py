"""An artifact as a person wants to see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mctl.artifact import Artifact, inside, load_artifact
from mctl.errors import UserError
from mctl.report.layout import layout_table
from mctl.report.plain import plain, plain_text


def show(artifact: Artifact, console: Console) -> None:
    """Print kind, lineage, sizes, scores and layout."""
    manifest = artifact.manifest
    console.print(Text.assemble((plain(artifact.name), "bold"), f"  {manifest.kind}, made {manifest.created[:19]} UTC"))
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for label, value in _rows(artifact):
        table.add_row(label, plain_text(value))
    console.print(table)
    console.print(layout_table(manifest.facts["layout"], before_of(artifact)))


def before_of(artifact: Artifact) -> Mapping[str, Any]:
    """The layout before pruning: the manifest's own record, the parent's, or the layout itself."""
    facts = artifact.manifest.facts
    if "before" in facts:
        return dict(facts["before"]["layout"])
    if artifact.manifest.kind == "export" and artifact.manifest.parents:
        try:
            parent = load_artifact(inside(artifact.folder.parent, artifact.manifest.parents[0].name))
        except UserError:
            return dict(facts["layout"])
        return before_of(parent)
    return dict(facts["layout"])


def _rows(artifact: Artifact) -> list[tuple[str, str]]:
    manifest, facts = artifact.manifest, artifact.manifest.facts
    counts = facts["parameters"]
    rows = [
        ("made from", ", ".join(parent.name for parent in manifest.parents) or "-"),
        ("data", str(manifest.data.get("source", "-"))),
        ("parameters", f"{counts['total']:,}: encoder {counts['encoder']:,}, embeddings {counts['embeddings']:,}"),
        ("size on disk", f"{sum(entry.bytes for entry in manifest.files.values()) / 1e6:.1f} MB"),
    ]
    if "pruning" in facts:
        pruning = facts["pruning"]
        rows.append(
            (
                "pruned",
                f"{pruning['removed_percent']:.2f} % of the encoder's weights are gone, "
                f"{pruning['masked_percent']:.2f} % were masked",
            )
        )
    if "precision" in facts:
        rows.append(("precision", f"{facts['precision']}, {facts['bytes'] / facts['fp32_bytes']:.3f} of fp32"))
    for split, scores in facts.get("metrics", {}).items():
        rows.append(
            (
                split,
                f"accuracy {100 * scores['accuracy']:.1f} %, macro-F1 {100 * scores['macro_f1']:.1f} % "
                f"on {scores['texts']} texts",
            )
        )
    return rows
