"""From an export back to what it was made of."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from mctl.artifact import MANIFEST, Artifact, Manifest, inside, load_artifact, newest_artifact
from mctl.errors import UserError

_TRACES = (b'"kind": "export"', b'"kind":"export"')


@dataclass(frozen=True)
class Lineage:
    """An export, the PyTorch artifact it was made from, and the teacher at the beginning."""

    export: Artifact
    source: Artifact
    baseline: Artifact

    def members(self) -> dict[str, Artifact]:
        """By role. Without compression, source and baseline are the same artifact."""
        return {"export": self.export, "source": self.source, "baseline": self.baseline}

    def made_of_baseline(self) -> list[Artifact]:
        """What came after the baseline, in order."""
        return [self.export] if self.source.folder == self.baseline.folder else [self.source, self.export]


def find_lineage(folder: Path) -> Lineage:
    """The lineage of an export: its parents stand beside it.

    Args:
        folder: the export.

    Raises:
        UserError: no export, or a parent that is gone or not the one it was made from.
    """
    export = load_artifact(folder)
    if export.manifest.kind != "export":
        raise UserError(
            f"this is a {export.manifest.kind} artifact, not an export.",
            where=str(folder),
            todo="Run `mctl export` on it first.",
        )
    source = _parent(export)
    return Lineage(export, source, origin(source))


def export_in(root: Path) -> Path | None:
    """The export of a folder of artifacts that is judged where none is named.

    That is the newest; but one that is damaged is not passed over, since its last verdict may have been a pass.
    """
    for path in sorted(root.glob(f"*/{MANIFEST}")):
        if not path.parent.name.startswith(".") and is_export(path.parent):
            try:
                load_artifact(path.parent)
            except UserError:
                return path.parent
    newest = newest_artifact(root, ("export",))
    return newest.folder if newest else None


def is_export(folder: Path) -> bool:
    """Whether a folder is an export of mctl, also one whose manifest is damaged."""
    path = folder / MANIFEST
    if not path.is_file():
        return False
    content = path.read_bytes()
    try:
        manifest = json.loads(content)
    except (ValueError, RecursionError):
        return any(trace in content for trace in _TRACES)
    return isinstance(manifest, dict) and manifest.get("kind") == "export" and "digest" in manifest


def origin(artifact: Artifact) -> Artifact:
    """The teacher that an artifact of any kind goes back to: an artifact without parents, which stands beside it.

    Raises:
        UserError: a parent that is gone or not the one it was made from.
    """
    while artifact.manifest.parents or artifact.manifest.kind == "export":
        artifact = _parent(artifact)
    return artifact


def _parent(artifact: Artifact) -> Artifact:
    manifest: Manifest = artifact.manifest
    if not manifest.parents:
        raise UserError("the manifest names no parent.", where=str(artifact.folder), todo="Make the artifact again.")
    parent = manifest.parents[0]
    try:
        folder = inside(artifact.folder.parent, parent.name)
    except UserError as error:
        raise UserError(
            f"the manifest names a parent outside the artifacts folder: {parent.name!r}.",
            where=str(artifact.folder / MANIFEST),
            todo="Do not use this artifact.",
        ) from error
    if not (folder / MANIFEST).is_file():
        raise UserError(
            f"no artifact here, and {artifact.name} was made from it.",
            where=str(folder),
            todo=f"It is looked for beside {artifact.name}: move {parent.name} into {folder.parent}, or make "
            f"{artifact.name} again.",
        )
    found = load_artifact(folder)
    if found.as_parent().manifest_sha256 != parent.manifest_sha256:
        raise UserError(
            f"{artifact.name} was made from another {parent.name} than the one that is there now.",
            where=str(found.folder),
            todo=f"Make {artifact.name} again.",
        )
    return found
