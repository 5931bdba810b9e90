"""False alarms: how often the gate fails, or cannot tell, on an export that equals its baseline.

    python benchmarks/false_alarms.py [FOLDER] [--runs 200] [--hog GROUP]

The quickstart's teacher is exported in fp32 and validated against itself in PyTorch, and against the verdict of its own
last release, again and again; beside every second run another process keeps a core busy. The gate's own defaults are
asked, not those of the quickstart: at most 2 points of macro F1, 5 of a class, a speed of at least half the baseline's,
and at most 1.1 times the time of the release. Of accuracy, 1.5 points instead of 1: no flip on 320 texts still leaves
a loss of 1.2 points possible. Every run is a command of its own, with one thread: then processor time counts, which
another process disturbs least.

The process that keeps a core busy is a loop that never waits, or, with --hog, a group of processes that has work to do:
it is stopped while a run has the machine to itself, and goes on beside the next. Interrupted, it prints what it has.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from planted import TEACHER
from planted.running import mctl, succeed

_EXPORT = f"{TEACHER}-fp32"
_ASKED = ("--max-accuracy-drop", "1.5", "--max-macro-f1-drop", "2", "--max-slice-drop", "5", "--min-speedup", "0.5")
_PLACE = ("--threads", "1")


@contextmanager
def hog(group: int | None) -> Iterator[int]:
    """The number of a stopped group of processes that never wait; those of `group` go on in the end."""
    own = None if group else subprocess.Popen([sys.executable, "-c", "while True: pass"], start_new_session=True)
    number = own.pid if own else group or 0
    try:
        os.killpg(number, signal.SIGSTOP)
        yield number
    finally:
        os.killpg(number, signal.SIGKILL if own else signal.SIGCONT)
        if own:
            own.wait()


@contextmanager
def beside(group: int, wanted: bool) -> Iterator[None]:
    """The group runs while the block does, if it is wanted."""
    if wanted:
        os.killpg(group, signal.SIGCONT)
    try:
        yield
    finally:
        os.killpg(group, signal.SIGSTOP)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="where the quickstart runs, or has run")
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--hog", type=int, metavar="GROUP", help="process group that keeps a core busy")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, hog(arguments.hog) as busy:
        base = (arguments.folder or Path(temporary)).resolve()
        base.mkdir(parents=True, exist_ok=True)
        if not (base / TEACHER / "manifest.json").is_file():
            succeed(base, "quickstart", ".", "--quiet")
        succeed(base, "export", TEACHER, "--fp32", "--quiet")
        validate = ("validate", _EXPORT, "--no-emissions", "--quiet", *_ASKED, *_PLACE)
        succeed(base, *validate)
        shutil.rmtree(base / "last", ignore_errors=True)
        shutil.copytree(base / _EXPORT, base / "last")
        said: dict[bool, Counter[str]] = {False: Counter(), True: Counter()}
        why: Counter[str] = Counter()
        with suppress(KeyboardInterrupt):
            for run in range(arguments.runs):
                hogged = run % 2 == 1
                with beside(busy, hogged):
                    ran = mctl(base, *validate, "--against", "last/validation.json")
                if ran.returncode not in (0, 1, 3):
                    raise SystemExit(ran.stderr)
                result = json.loads((base / _EXPORT / "validation.json").read_text(encoding="utf-8"))
                said[hogged][result["verdict"]] += 1
                found = [check for check in result["checks"] if check["verdict"] in ("fail", "inconclusive")]
                why.update(check["name"] for check in found)
                because = "".join(f"; {check['name']}: {check['why']}" for check in found)
                print(f"{run + 1}: {result['verdict']}{because}", file=sys.stderr, flush=True)
    print("| beside it | runs | pass | inconclusive | fail |")
    print("|---|---|---|---|---|")
    for hogged, verdicts in said.items():
        words = " | ".join(str(verdicts[word]) for word in ("pass", "inconclusive", "fail"))
        print(f"| {'a busy core' if hogged else 'nothing'} | {verdicts.total()} | {words} |")
    print()
    print("checks that did not pass:", ", ".join(f"{name} {times}" for name, times in why.most_common()) or "none")


if __name__ == "__main__":
    main()
