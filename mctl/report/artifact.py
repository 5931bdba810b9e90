"""An artifact as a person wants to see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mctl.artifact import MANIFEST, Artifact, inside, load_artifact
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
    layout, before = layouts_of(artifact)
    console.print(layout_table(layout, before))
    if before is None:
        console.print(plain_text("What pruning removed is not known here: the artifact it was made from is missing."))


def layouts_of(artifact: Artifact) -> tuple[Mapping[str, Any], Mapping[str, Any] | None]:
    """The layout now and before pruning, layer by layer of the teacher; of a layer that has gone, nothing is left.

    What was before stands in the manifest, or in the source's, for an export of version 0.1.0; a teacher has lost
    nothing. None where the source is not at hand: an export that says nothing of it may have been pruned.
    """
    facts = artifact.manifest.facts
    now = dict(facts["layout"])
    if "before" not in facts:
        if artifact.manifest.kind != "export":
            return now, now
        source = next(iter(_parents(artifact).values()), None)
        return layouts_of(source) if isinstance(source, Artifact) else (now, None)
    before = dict(facts["before"]["layout"])
    stayed = facts.get("layers", range(len(now["heads"])))
    shown = {name: [0] * len(units) for name, units in before.items()}
    for name, units in now.items():
        for layer, count in zip(stayed, units, strict=True):
            shown[name][layer] = count
    return shown, before


def _parents(artifact: Artifact) -> dict[str, Artifact | str]:
    """By name, what an artifact was made from; where that is not at hand, why not."""
    found: dict[str, Artifact | str] = {}
    for parent in artifact.manifest.parents:
        folder = artifact.folder.parent / parent.name
        try:
            source = load_artifact(inside(artifact.folder.parent, parent.name))
        except UserError as error:
            gone = not (folder / MANIFEST).is_file()
            found[parent.name] = f"missing: looked for {folder}" if gone else error.what
            continue
        same = source.as_parent().manifest_sha256 == parent.manifest_sha256
        found[parent.name] = source if same else f"another one than this was made from is in {folder}"
    return found


def _rows(artifact: Artifact) -> list[tuple[str, str]]:
    manifest, facts = artifact.manifest, artifact.manifest.facts
    counts = facts["parameters"]
    rows = [
        ("made from", ", ".join(_made_from(artifact)) or "-"),
        ("data", str(manifest.data.get("source", "-"))),
        ("parameters", f"{counts['total']:,}: encoder {counts['encoder']:,}, embeddings {counts['embeddings']:,}"),
        ("size on disk", f"{sum(entry.bytes for entry in manifest.files.values()) / 1e6:.1f} MB"),
    ]
    if "pruning" in facts:
        rows.append(("pruned", _pruned(facts)))
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


def _made_from(artifact: Artifact) -> list[str]:
    return [name if isinstance(found, Artifact) else f"{name} ({found})" for name, found in _parents(artifact).items()]


def _pruned(facts: Mapping[str, Any]) -> str:
    pruning, before, now = facts["pruning"], facts["before"], facts["parameters"]
    gone = 100 * (1 - now["encoder_weights"] / before["parameters"]["encoder_weights"])
    whole, stayed = len(before["layout"]["heads"]), len(facts["layout"]["heads"])
    layers = f"{stayed} of {whole} layers stay, of whose weights " if stayed < whole else ""
    return f"{gone:.2f} % of the encoder's weights are gone, {layers}{pruning['masked_percent']:.2f} % were masked"
