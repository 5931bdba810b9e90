"""Every command of README.md and docs/guide.md, in order, as printed: does it end with the exit code that is named?

    python benchmarks/docs_commands.py [README.md docs/guide.md ...] [--keep FOLDER] [--optimum PYTHON]

Each document gets a fresh folder. Its blocks marked ```bash and ```python run there, one after the other, with the
`mctl` that belongs to this Python. A command is expected to end with 0, or with what a comment behind it names:
`mctl validate  # by the verdict: exit 0, 1 or 3`. Blocks of other kinds (indented text, YAML, console) are not run. A
document without any command is a mistake: its blocks are of another kind by accident.

What readers have is laid into the folder before: labelled texts `news.csv`, a held-out file `held-out.csv`, and models
that stand in for theirs (`encoder`, `my-classifier`). A hub id of `STAND_INS` is replaced by such a folder, since
nothing is downloaded; `pip install` is left out. A Python block that imports optimum runs with the Python of
`--optimum`, since it needs an environment of its own, and is left out without.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = ("README.md", "docs/guide.md")
STAND_INS = {"l3cube-pune/marathi-bert-v2": "./encoder"}
_BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_EXIT = re.compile(r"#.*\bexit (\d+(?:(?:, | or )\d+)*)\s*$")
_LIMIT_S = 900


@dataclass(frozen=True)
class Command:
    """One command of a document, or one Python block.

    Attributes:
        text: as it is printed.
        program: what is run.
        codes: exit codes that the document names.
    """

    text: str
    program: tuple[str, ...]
    codes: tuple[int, ...]


def commands(document: str) -> Iterator[Command]:
    """The commands of a Markdown text, in order."""
    for language, body in _BLOCK.findall(document):
        if language == "python":
            yield Command(f"python: {body.strip().splitlines()[-1]}", (sys.executable, "-c", body), (0,))
            continue
        for line in body.replace("\\\n", " ").splitlines():
            text = re.sub(r"\s+", " ", line).strip()
            runs = re.sub(r"^pip install \S+ && ", "", text)
            if not runs or runs.startswith(("#", "pip ")):
                continue
            for hub_id, folder in STAND_INS.items():
                runs = runs.replace(hub_id, folder)
            found = _EXIT.search(text)
            codes = tuple(map(int, re.findall(r"\d+", found.group(1)))) if found else (0,)
            yield Command(text, ("bash", "-c", runs), codes)


def prepare(folder: Path) -> None:
    """Lay down what readers have: labelled texts, texts of their own to judge on, an encoder, a classifier."""
    from mctl.samples import headlines, tiny_model, write_csv

    rows = headlines(7, 900)
    write_csv(folder / "news.csv", rows[:600])
    write_csv(folder / "held-out.csv", rows[600:])
    (folder / "more-news.txt").write_text("\n".join(text for text, _ in headlines(8, 200)), encoding="utf-8")
    tiny_model(folder / "encoder", [text for text, _ in rows], 7)
    shutil.copytree(folder / "encoder", folder / "my-classifier")


def run(command: Command, folder: Path) -> tuple[int, float, str]:
    """The exit code, the seconds, and the end of what was said."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    started = time.monotonic()
    done = subprocess.run(
        command.program,
        cwd=folder,
        env={**os.environ, "PATH": path, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=_LIMIT_S,
        stdin=subprocess.DEVNULL,
    )
    return done.returncode, time.monotonic() - started, (done.stderr or done.stdout)[-2000:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("documents", nargs="*", default=DOCUMENTS, help="from the root of the repository")
    parser.add_argument("--optimum", metavar="PYTHON", help="of an environment that has optimum-onnx")
    parser.add_argument("--keep", type=Path, help="work in this folder and keep it")
    arguments = parser.parse_args()
    wrong = total = left_out = 0
    with tempfile.TemporaryDirectory() as temporary:
        for name in arguments.documents:
            found = list(commands((ROOT / name).read_text(encoding="utf-8")))
            if not found:
                parser.error(f"{name} has no block that is marked ```bash or ```python")
            folder = (arguments.keep or Path(temporary)) / Path(name).stem
            folder.mkdir(parents=True)
            prepare(folder)
            print(f"{name}\n\n| command | exit | named | seconds |\n|---|---|---|---|")
            for command in found:
                named = " or ".join(map(str, command.codes))
                shown = command.text.replace("|", "\\|")
                program = command.program
                if program[0] == sys.executable and "\nfrom optimum" in f"\n{program[-1]}":
                    if arguments.optimum is None:
                        left_out += 1
                        print(f"| `{shown}` | left out: no --optimum | {named} | |", flush=True)
                        continue
                    program = (arguments.optimum, *program[1:])
                code, seconds, said = run(replace(command, program=program), folder)
                total += 1
                print(f"| `{shown}` | {code} | {named} | {seconds:.0f} |", flush=True)
                if code not in command.codes:
                    wrong += 1
                    print(said, file=sys.stderr, flush=True)
            print()
    print(f"{total - wrong} of {total} commands end as the documents say; {left_out} left out")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
