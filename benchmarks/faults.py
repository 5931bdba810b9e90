"""Planted faults: what mctl says of each, and whether anything was lost.

    python benchmarks/faults.py [FOLDER] [--only WORDS]

The quickstart is run once, into FOLDER if one is named; each fault is then planted into a copy of its own and a command
is given, as a process of its own. A fault is caught if the command does not end in a pass, ends without a traceback,
and says one of the words that name the fault; nothing is lost if the copy's other files are what they were.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
from pathlib import Path

from planted import EXPORT, Fault, all_faults
from planted.outcome import Row, contents, sentence
from planted.processes import processes
from planted.running import mctl, succeed


def tried(fault: Fault, base: Path, work: Path) -> Row:
    """Plant one fault into a copy and give the command."""
    copy = Path(shutil.copytree(base, work / "copy", symlinks=True))
    try:
        fault.plant(copy)
        before = contents(copy)
        ran = mctl(copy, *fault.command)
        said = sentence(ran, fault.words)
        whole = " ".join(f"{ran.stdout} {ran.stderr}".split())
        # A table wraps its sentences: what is looked for may stand on two lines.
        named = not fault.words or any("".join(word.split()) in "".join(whole.split()) for word in fault.words)
        caught = ran.returncode in fault.codes and "Traceback" not in ran.stderr and named
        return Row(fault.name, " ".join(fault.command[:2]), ran.returncode, said, caught, contents(copy) != before)
    finally:
        shutil.rmtree(copy)


def table(rows: list[Row]) -> list[str]:
    """The table and its sum."""
    lines = ["| fault | command | exit | what was said | caught | lost |", "|---|---|---|---|---|---|"]
    for row in rows:
        said = re.sub(r"([|<>*_`])", r"\\\1", row.said)
        signs = ("yes" if row.caught else "**no**", "**yes**" if row.lost else "nothing")
        lines.append(f"| {row.fault} | `{row.command}` | {row.code} | {said} | {' | '.join(signs)} |")
    caught, lost = sum(row.caught for row in rows), sum(row.lost for row in rows)
    return [*lines, "", f"{caught} of {len(rows)} caught; something lost at {lost}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="where the quickstart runs, or has run")
    parser.add_argument("--only", default="", help="faults whose name holds this")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        base = (arguments.folder or Path(temporary) / "base").resolve()
        if not (base / EXPORT / "manifest.json").is_file():
            base.mkdir(parents=True, exist_ok=True)
            # The recipe names its files relative to where the command runs: here, in its own folder.
            succeed(base, "quickstart", ".", "--quiet")
        rows = []
        for fault in all_faults(base):
            if arguments.only in fault.name:
                rows.append(tried(fault, base, Path(temporary)))
                print(f"{len(rows)} {fault.name}: {rows[-1].code}", file=sys.stderr, flush=True)
        for happen in processes(base, Path(temporary)) if not arguments.only else []:
            rows.append(happen())
            print(f"{len(rows)} {rows[-1].fault}: {rows[-1].code}", file=sys.stderr, flush=True)
    print("\n".join(table(rows)))


if __name__ == "__main__":
    main()
