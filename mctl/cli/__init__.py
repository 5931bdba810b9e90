"""The command line. Importing it is cheap: commands import what they need when they run."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point of `mctl`: runs a command and turns errors into exit codes.

    0 done or pass, 1 fail, 2 bad usage or bad input, 3 inconclusive, 130 interrupted.
    """
    from mctl.cli.app import app
    from mctl.cli.failure import explain

    debug = "--debug" in sys.argv
    if debug:
        sys.argv.remove("--debug")
    try:
        app()
    except Exception as error:
        if debug:
            raise
        code = explain(error)
        if code is None:
            raise
        sys.exit(code)
