"""What was typed and does not exist, told with what was probably meant."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from mctl.errors import UserError

# Of an option that most commands have, nobody wants the list.
_MOST_OWNERS = 3


def unknown_command(name: str, commands: Sequence[str]) -> UserError:
    """The error for a command that there is not."""
    options = _options_of_all()
    near = [one for one in commands if one.startswith(name)]
    near += [f"{owner} --{name}" for owner in commands if f"--{name}" in options[owner]]
    near += get_close_matches(name, commands, n=1, cutoff=0.6)
    meant = f"Did you mean `mctl {near[0]}`? " if near else ""
    return UserError(f"there is no command {name!r}.", where="mctl", todo=f"{meant}`mctl --help` lists all of them.")


def usage_error(error: Any, arguments: Sequence[str]) -> UserError:
    """What the library for the command line complains about, as an error of mctl's.

    Args:
        error: an exception with `format_message` and `ctx`, as typer raises them.
        arguments: what was typed.
    """
    command = error.ctx.info_name if error.ctx is not None and error.ctx.parent is not None else None
    if not hasattr(error, "possibilities"):  # All but an option that does not exist.
        message = " ".join(error.format_message().split()).rstrip(".").replace("Value error, ", "")
        message = message[:1].lower() + message[1:]
        return UserError(f"{message}.", where=_where(command), todo=_help_of(command))
    option: str = error.option_name
    if command is None:
        return _option_without_command(option, arguments)
    written = _as_written(option, arguments)
    known = [name for parameter in error.ctx.command.params for name in parameter.opts]
    return UserError(
        f"there is no option {written}.", where=_where(command), todo=f"{_meant(written, known)}{_help_of(command)}"
    )


def _meant(option: str, known: Sequence[str]) -> str:
    """The option of this command, or the command with this option, that was probably meant."""
    double = f"-{option}" if not option.startswith("--") else option
    if double in known:
        return f"Did you mean {double}? "
    owners = [name for name, options in _options_of_all().items() if double in options]
    if 0 < len(owners) <= _MOST_OWNERS:
        return f"It is an option of {' and '.join(f'`mctl {name}`' for name in owners)}. "
    near = get_close_matches(double, known, n=1, cutoff=0.6)
    return f"Did you mean {near[0]}? " if near else ""


def _options_of_all() -> dict[str, list[str]]:
    """Options by command. Only an error needs them, and importing all commands takes a moment."""
    from mctl.cli.app import COMMANDS, command_of

    return {name: [option for parameter in command_of(name).params for option in parameter.opts] for name in COMMANDS}


def _as_written(option: str, arguments: Sequence[str]) -> str:
    """The option as it was typed: of `-prune`, the library names its first letter alone."""
    for argument in arguments:
        name = argument.partition("=")[0]
        if name == option or (len(option) == 2 and name.startswith(option) and not name.startswith("--")):
            return name
    return option


def _option_without_command(option: str, arguments: Sequence[str]) -> UserError:
    """The error for an option before the command, or without any."""
    options = _options_of_all()
    owners = [name for name in options if name in arguments] or [name for name in options if option in options[name]]
    if not owners:
        return UserError(f"there is no option {option}.", where="mctl", todo=_help_of(None))
    example = f"mctl {owners[0]} {option} ..."
    return UserError(f"{option} stands where a command has to stand.", where="mctl", todo=f"Write it as `{example}`.")


def _where(command: str | None) -> str:
    return "mctl" if command is None else f"mctl {command}"


def _help_of(command: str | None) -> str:
    return f"`{_where(command)} --help` says what there is."
