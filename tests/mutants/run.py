"""Plant each fault of `mutants.toml` into a copy of the package and demand that its test fails.

    python tests/mutants/run.py [--only WORDS]

A mutant is a line of the source with a mistake in it: a check that does not look, a feature that is switched off. The
test named beside it has to pass on the source as it is and to fail on the mutant; a mutant whose test passes, or whose
text is not in the source any more, is an error of the list or of the test.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
# Folders at the root, and what they are called where mctl is installed.
_PACKAGES = {"mctl": "mctl", "exporters": "mctl/exporters", "validators": "mctl/validators"}
_LIMIT_S = 600


@dataclass(frozen=True)
class Mutant:
    """A planted fault.

    Attributes:
        name: what it switches off.
        file: from the root of the repository.
        before: text of the source, once in the file.
        after: what stands in its place.
        test: a pytest node that has to fail.
    """

    name: str
    file: str
    before: str
    after: str
    test: str


def mutants() -> list[Mutant]:
    """The list, in order."""
    return [Mutant(**entry) for entry in tomllib.loads((HERE / "mutants.toml").read_text(encoding="utf-8"))["mutant"]]


def problem(mutant: Mutant, package: Path) -> str | None:
    """What is wrong with a mutant or its test; None if the test fails as it has to."""
    source = (ROOT / mutant.file).read_text(encoding="utf-8")
    if source.count(mutant.before) != 1:
        return f"its text is {source.count(mutant.before)} times in {mutant.file}"
    top, *rest = Path(mutant.file).parts
    copy = package / _PACKAGES[top] / Path(*rest)
    copy.write_text(source.replace(mutant.before, mutant.after), encoding="utf-8")
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", str(ROOT / mutant.test)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(package), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=_LIMIT_S,
        )
    finally:
        copy.write_text(source, encoding="utf-8")
    if done.returncode == 0:
        return "its test passes"
    # 1: tests failed. Anything else means that none ran.
    return None if done.returncode == 1 else f"pytest ended with {done.returncode}: {done.stdout[-500:]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="mutants whose name or file holds this")
    arguments = parser.parse_args()
    wrong = 0
    with tempfile.TemporaryDirectory() as temporary:
        package = Path(temporary)
        for folder, name in _PACKAGES.items():
            shutil.copytree(ROOT / folder, package / name, ignore=shutil.ignore_patterns("__pycache__"))
        wanted = [mutant for mutant in mutants() if arguments.only in f"{mutant.name} {mutant.file}"]
        for mutant in wanted:
            found = problem(mutant, package)
            wrong += found is not None
            print(f"{'MISSED' if found else 'caught'}  {mutant.name}  {found or mutant.test}", flush=True)
    print(f"{len(wanted) - wrong} of {len(wanted)} mutants are caught")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
