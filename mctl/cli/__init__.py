"""The command line. Importing it is cheap: commands import what they need when they run."""

from __future__ import annotations

import sys
from collections.abc import Sequence

# Options that may stand alone, and what they then mean. Typer has no options with an optional value.
_ALONE = {"--distill": "default"}
# Commands that train, which a launcher may start in several processes. Of the others, the main process is enough.
_TRAINING = {"finetune", "compress", "run"}


def main() -> None:
    """Entry point of `mctl`: runs a command and turns errors into exit codes.

    0 done or pass, 1 fail, 2 bad usage or bad input, 3 inconclusive, 130 interrupted.
    """
    from mctl.processes import main_goes_on, one_voice

    if _TRAINING.isdisjoint(sys.argv[1:]) and not main_goes_on():
        return
    with one_voice():
        _run()


def _run() -> None:
    from mctl.cli.app import app
    from mctl.cli.failure import explain

    debug = "--debug" in sys.argv
    if debug:
        sys.argv.remove("--debug")
    sys.argv[1:] = with_values(sys.argv[1:])
    try:
        app()
    except Exception as error:
        if debug:
            raise
        code = explain(error)
        if code is None:
            raise
        sys.exit(code)


def with_values(arguments: Sequence[str]) -> list[str]:
    """Arguments in which an option of `_ALONE` that is followed by another option, or nothing, has got its value.

    What comes after `--` is text, whatever it looks like.

    >>> with_values(["compress", "--distill", "--layers", "6"])
    ['compress', '--distill', 'default', '--layers', '6']
    """
    filled: list[str] = []
    for position, argument in enumerate(arguments):
        if argument == "--":
            return [*filled, *arguments[position:]]
        filled.append(argument)
        following = arguments[position + 1 : position + 2]
        if argument in _ALONE and (not following or following[0].startswith("-")):
            filled.append(_ALONE[argument])
    return filled
