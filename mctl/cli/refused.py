"""A `mctl validate` that is refused before it begins leaves an error report in the place of an old verdict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from mctl.errors import UserError


def leave_report(
    error: Exception, artifact: Path | None, config: Path | None, artifacts: Path | None, provider: str | None
) -> None:
    """Write the error report of a refused validation into the export that would have been judged.

    Where that is not known, since none is named and the recipe cannot be read, nothing is written.

    Args:
        error: why it was refused.
        artifact: the export that was named.
        config, artifacts, provider: what was given with `--config`, `--artifacts` and `--provider`.
    """
    from mctl.cli.recipe_at_hand import recipe_at_hand
    from mctl.pipeline.error_report import error_reports
    from mctl.progress import Silent

    with suppress(UserError):
        root = artifact.parent if artifact else recipe_at_hand(config, {"artifacts": artifacts})[0].artifacts
        with error_reports(root, artifact, "cuda" if provider == "cuda" else "cpu", Silent()):
            raise error


def leave_report_of_usage(error: UserError, arguments: Sequence[str]) -> None:
    """The same for a command line that was not understood; of other commands, nothing is written.

    Args:
        error: why it was refused.
        arguments: what was typed.
    """
    from mctl.cli.app import command_of
    from mctl.recipe_paths import expanded

    if list(arguments[:1]) != ["validate"]:
        return
    named, values = _typed(arguments[1:], command_of("validate").params)

    def path(*names: str) -> Path | None:
        value = next((values[name] for name in names if name in values), None)
        return None if value is None else Path(expanded(value, names[0]))

    with suppress(UserError):
        artifact = Path(expanded(named[0], "ARTIFACT")) if named else None
        leave_report(error, artifact, path("--config", "-c"), path("--artifacts"), values.get("--provider"))


def _typed(arguments: Sequence[str], parameters: Iterable[Any]) -> tuple[list[str], dict[str, str]]:
    """What was typed that is no option, and the values of options; options that do not exist are passed over."""
    with_value = {name for one in parameters for name in one.opts if not getattr(one, "is_flag", False)}
    named, values, rest = list[str](), dict[str, str](), iter(arguments)
    for argument in rest:
        option, sign, value = argument.partition("=")
        if not argument.startswith("-"):
            named.append(argument)
        elif option in with_value:
            values[option] = value if sign else next(rest, "")
    return named, values
