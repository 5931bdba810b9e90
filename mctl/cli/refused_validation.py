"""A `mctl validate` that is refused before it begins leaves an error report in the place of an old verdict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from mctl.errors import UserError

_PATHS = {"--against", "--artifacts", "--config", "-c", "--data"}
"""Options whose value is a path of its own, and never the export that was meant."""


def leave_report(
    error: Exception, artifact: Path | None, config: Path | None, artifacts: Path | None, provider: str | None
) -> None:
    """Write the error report of a refused validation into the export that would have been judged.

    Of a recipe that cannot be read, the line that names the artifacts is enough.

    Args:
        error: why it was refused.
        artifact: the export that was named.
        config, artifacts, provider: what was given with `--config`, `--artifacts` and `--provider`.
    """
    from mctl.cli.recipe_at_hand import artifacts_at_hand
    from mctl.pipeline.error_report import error_reports
    from mctl.pipeline.lineage import export_in
    from mctl.progress import Silent

    with suppress(UserError):
        export = artifact or export_in(artifacts_at_hand(config, artifacts))
        with error_reports(export, "cuda" if provider == "cuda" else "cpu", Silent()):
            raise error


def leave_report_of_usage(error: UserError, arguments: Sequence[str]) -> None:
    """The same for a command line that was not understood; of other commands, nothing is written.

    Args:
        error: why it was refused.
        arguments: what was typed.
    """
    from mctl.cli.app import COMMANDS, command_of
    from mctl.pipeline.lineage import is_export
    from mctl.recipe_paths import expanded

    command = next((place for place, word in enumerate(arguments) if word in COMMANDS), None)
    if command is None or arguments[command] != "validate":
        return
    typed = _typed([*arguments[:command], *arguments[command + 1 :]], command_of("validate").params)

    def path(*names: str) -> Path | None:
        value = next((typed.values[name] for name in names if name in typed.values), None)
        return None if value is None else Path(expanded(value, names[0]))

    with suppress(UserError):
        # An option whose value was forgotten takes the word behind it.
        values = (value for option, value in typed.values.items() if option not in _PATHS)
        words = (*typed.named, *typed.doubtful, *values)
        named = [Path(expanded(word, "ARTIFACT")) for word in words]
        artifact = next((place for place in named if is_export(place)), named[0] if typed.named else None)
        leave_report(error, artifact, path("--config", "-c"), path("--artifacts"), typed.values.get("--provider"))


class _Typed(NamedTuple):
    """What was typed that is no option, what may be the value of an option that does not exist, and other values."""

    named: list[str]
    doubtful: list[str]
    values: dict[str, str]


def _typed(arguments: Sequence[str], parameters: Iterable[Any]) -> _Typed:
    flags = {name for one in parameters for name in (*one.opts, *one.secondary_opts) if getattr(one, "is_flag", False)}
    with_value = {name for one in parameters for name in one.opts} - flags
    typed, rest, after_unknown = _Typed([], [], {}), iter(arguments), False
    for argument in rest:
        option, sign, value = argument.partition("=")
        if argument[:2] in with_value and not argument.startswith("--") and len(argument) > 2:
            option, sign, value = argument[:2], "=", argument[2:].removeprefix("=")
        if not argument.startswith("-"):
            (typed.doubtful if after_unknown else typed.named).append(argument)
        elif option in with_value and (given := value if sign else next(rest, "")):
            typed.values[option] = given
        after_unknown = argument.startswith("-") and not sign and option not in flags | with_value
    return typed
