"""The command line. Importing it is cheap: commands import what they need when they run."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from mctl.cli.streams import drop_output, prepare_streams
from mctl.exit_codes import ExitCode

# Options that may stand alone, and what they then mean. Typer has no options with an optional value.
_ALONE = {"--distill": "default"}
# Commands that train, which a launcher may start in several processes. Of the others, the main process is enough.
_TRAINING = {"finetune", "compress", "run"}
# Commands that take any word as an argument: "help" may be a text.
_TAKES_WORDS = {"predict"}


def main() -> None:
    """Entry point of `mctl`: runs a command and exits with a code of `ExitCode`."""
    prepare_streams()
    # Python prints our warnings only as long as nothing sets a handler for all loggers, which may write elsewhere.
    logging.getLogger("mctl").addHandler(logging.lastResort or logging.StreamHandler())
    debug = "--debug" in sys.argv
    if debug:
        sys.argv.remove("--debug")
    try:
        code = _coded(lambda: _one_of_several(debug), debug)
    finally:  # A command that failed exits from within. If Python's last flush fails, the exit code becomes 120.
        drop_output()
    if code:
        sys.exit(int(code))


def _coded(work: Callable[[], int], debug: bool, *, bugs: bool = True) -> int:
    """The exit code of some work, whose errors are told.

    Args:
        work: what to do.
        debug: show tracebacks of all errors.
        bugs: tell of bugs too; else they are raised.
    """
    try:
        code = work()
        sys.stdout.flush()
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        return ExitCode.DONE  # Who read the output has seen enough.
    except Exception as error:
        from mctl.cli.failure import explain, is_bug

        if not bugs and is_bug(error):
            raise
        return explain(error, debug=debug)
    return code


def _one_of_several(debug: bool) -> int:
    from mctl.processes import check_launcher, main_goes_on, one_voice

    check_launcher()
    if _TRAINING.isdisjoint(sys.argv[1:]) and not main_goes_on():
        return ExitCode.DONE
    with one_voice():
        # A connection that another process left looks like a bug here: which of them tells is decided by `one_voice`.
        code = _coded(lambda: _run(sys.argv[1:]), debug, bugs=False)
        if code:
            sys.exit(int(code))
    return ExitCode.DONE


def _run(arguments: Sequence[str]) -> int:
    """Run a command.

    Returns:
        Its exit code.

    Raises:
        UserError: the arguments cannot be understood, or what the command raises.
    """
    from mctl.cli.app import app
    from mctl.cli.encoding import check_encoding

    arguments = with_values(as_help(arguments))
    check_encoding(arguments)
    try:
        code = app(arguments, prog_name="mctl", standalone_mode=False)
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        from mctl.cli.refused_validation import leave_report_of_usage
        from mctl.cli.usage import usage_error

        refused = usage_error(error, arguments)
        leave_report_of_usage(refused, arguments)
        raise refused from error
    return code if isinstance(code, int) else ExitCode.DONE


def as_help(arguments: Sequence[str]) -> list[str]:
    """Arguments in which the word help asks for help, wherever people put it.

    >>> as_help(["help", "compress"])
    ['compress', '--help']
    >>> as_help(["compress", "help"])
    ['compress', '--help']
    """
    match list(arguments):
        case [] | ["help"]:
            return ["--help"]
        case ["help", command, *_]:
            return [command, "--help"]
        case [command, "help"] if command not in _TAKES_WORDS and not Path("help").exists():
            return [command, "--help"]
        case given:
            return given


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
