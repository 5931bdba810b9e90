"""Which names inside a folder may be opened at all."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath


def is_safe_name(root: str | Path, name: str) -> bool:
    """Whether `name` is a plain relative posix name that stays inside the folder `root`, also through links.

    Opens nothing. Links of the cache of Hugging Face's client, from a snapshot to the blobs of the same repository,
    stay inside. A name that another system would read as absolute or as a way up (`C:x`, a backslash) is refused as
    well, because folders of models travel between systems.
    """
    if not name or "\0" in name or "\\" in name or PureWindowsPath(name).drive:
        return False
    plain = PurePosixPath(name)
    if plain.is_absolute() or ".." in plain.parts or not plain.parts or str(plain) != name:
        return False
    try:
        folder, target = Path(root).resolve(), (Path(root) / name).resolve()
        return target.is_relative_to(folder) or _is_blob(folder, target)
    except (OSError, RuntimeError):  # a loop of links: RuntimeError before Python 3.13
        return False


def _is_blob(folder: Path, target: Path) -> bool:
    snapshots = next((parent for parent in folder.parents if parent.name == "snapshots"), None)
    return snapshots is not None and target.parent == snapshots.parent / "blobs"
