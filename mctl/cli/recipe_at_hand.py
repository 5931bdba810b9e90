"""The recipe of commands that read artifacts: also that of a quickstart just below."""

from __future__ import annotations

import logging
import re
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mctl.recipe import Recipe

logger = logging.getLogger(__name__)


def recipe_at_hand(
    config: Path | None, flags: Mapping[str, Any], artifact: object = None
) -> tuple[Recipe, Path | None]:
    """The recipe of a command that reads artifacts, and the file that has to be named to get it again.

    Where the user names no recipe, no artifact and no folder of them, and the folder that the command runs in has
    neither `mctl.toml` nor `artifacts/`, the folder that `mctl quickstart` made in it is used. A warning says so.

    Args:
        config: of `--config`.
        flags: overrides of the recipe.
        artifact: what the user named, if anything.
    """
    from mctl.recipe import load_recipe

    config = _chosen(config, flags, artifact)
    return load_recipe(config, flags), config


def artifacts_at_hand(config: Path | None, artifacts: Path | None) -> Path:
    """The folder of artifacts that a command would have used, also where its recipe cannot be read.

    Args:
        config: of `--config`.
        artifacts: of `--artifacts`.
    """
    from mctl.recipe import RECIPE_FILE
    from mctl.recipe_paths import DEFAULT_ARTIFACTS, VERSION, expanded

    if artifacts is not None:
        return artifacts
    file = _chosen(config, {}, None) or Path(RECIPE_FILE)
    values = _top_level(file.read_text(encoding="utf-8-sig", errors="replace")) if file.is_file() else None
    named, version = (values or {}).get("artifacts"), (values or {}).get("version", 1)
    is_old = values is not None and not (isinstance(version, int) and version >= VERSION)
    start = Path() if is_old else file.parent
    return start / expanded(named if isinstance(named, str) and named else DEFAULT_ARTIFACTS, str(file))


def _top_level(text: str) -> dict[str, Any]:
    """The values of a recipe that stand above its tables; of one that is no TOML, those of its lines that are."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        found: dict[str, Any] = {}
        for line in re.split(r"^\s*\[", text, maxsplit=1, flags=re.MULTILINE)[0].splitlines():
            with suppress(tomllib.TOMLDecodeError):
                found |= tomllib.loads(line)
        return found


def _chosen(config: Path | None, flags: Mapping[str, Any], artifact: object) -> Path | None:
    """The recipe that is named, or that of a quickstart just below."""
    from mctl.recipe import RECIPE_FILE
    from mctl.recipe_paths import DEFAULT_ARTIFACTS

    nothing_named = config is None and not artifact and flags.get("artifacts") is None
    if nothing_named and not any(Path(name).exists() for name in (RECIPE_FILE, DEFAULT_ARTIFACTS)):
        config = _quickstart_below()
        if config is not None:
            logger.warning("using %s: there is neither %s nor %s/ here", config, RECIPE_FILE, DEFAULT_ARTIFACTS)
    return config


def _quickstart_below() -> Path | None:
    """The recipe of the one quickstart in a folder of this folder."""
    from mctl.recipe import RECIPE_FILE
    from mctl.recipe_file import is_of_quickstart

    found = [path for path in Path().glob(f"*/{RECIPE_FILE}") if is_of_quickstart(path)]
    return found[0] if len(found) == 1 else None
