"""Which names inside a folder may be opened at all."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath


def is_safe_name(root: str | Path, name: str) -> bool:
    """Whether `name` is a plain relative posix name that stays inside the folder `root`, also through links.

    Opens nothing. A name that another system would read as absolute or as a way up (`C:x`, a backslash) is refused as
    well, because folders of models travel between systems.
    """
    if not name or "\0" in name or "\\" in name or PureWindowsPath(name).drive:
        return False
    plain = PurePosixPath(name)
    if plain.is_absolute() or ".." in plain.parts or not plain.parts or str(plain) != name:
        return False
    try:
        return (Path(root) / name).resolve().is_relative_to(Path(root).resolve())
    except (OSError, RuntimeError):  # a loop of links: RuntimeError before Python 3.13
        return False
