"""Nothing of the user's is lost: commands in a folder full of files of the user's with the names that mctl uses.

    python benchmarks/guard.py [--runs 200] [--seed 1] [--keep FOLDER]

The chain is made once, with a tiny encoder. Each run copies it, plants files, folders and links of the user's into it,
and gives one command in a process of its own. Some processes are killed at a random moment, others in the middle of a
replacement: after the first name on the disk has changed and before the last has. Then what any later command does is
done (`artifacts_in`), and every file and link that mctl did not make is compared with what it was. An artifact that was
there has to be there still, whole. Exit code 1 where anything is lost, or where too few runs got far enough.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib
import mmap
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.update(OMP_NUM_THREADS="1", HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")

RECIPE = """
[model]
name = "encoder"
max_length = 16
[data]
source = "news.csv"
[finetune]
epochs = 1
[compress]
prune = 25
ramp_epochs = 1
recovery_epochs = 0
[export]
precision = "fp32"
[measure]
batches = 2
repeats = 2
emissions = false
[bench]
batch = "1"
length = "8"
rounds = 2
memory = false
energy = false
torch = false
"""
# The smallest there is: one layer costs an export a second.
ENCODER = Path(__file__).resolve().parents[1] / "tests" / "fixtures" / "0.1.0" / "encoder"
TEACHER, STUDENT, EXPORT = "artifacts/teacher", "artifacts/prune25", "artifacts/prune25-fp32"
WHOLE = (TEACHER, STUDENT, EXPORT)
_WAIT_SECONDS = 120


@dataclass(frozen=True)
class Command:
    """A command, and what has to be so that it writes.

    Attributes:
        damaged: an artifact that loses a file of mctl's before, so that it is made again.
        replaces: names on the disk that it changes when it replaces something.
    """

    arguments: tuple[str, ...]
    damaged: str = ""
    replaces: int = 0


@dataclass
class State:
    """What the process of a command shares with the one that watches it."""

    shared: mmap.mmap = field(default_factory=lambda: mmap.mmap(-1, 16))

    def read(self) -> tuple[int, int]:
        """Writes that were begun, and names that were changed in the course of a replacement."""
        return int.from_bytes(self.shared[:8], "little"), int.from_bytes(self.shared[8:16], "little")

    def add(self, place: int) -> int:
        value = self.read()[place] + 1
        self.shared[8 * place : 8 * place + 8] = value.to_bytes(8, "little")
        return value


def commands(dice: random.Random) -> list[Command]:
    """One of each command that writes; `finetune`, `compress` and `run` with a seed that they have not had."""
    seed = str(dice.randrange(10**6))
    return [
        Command(("finetune", "--seed", seed), replaces=9),
        Command(("finetune",), damaged=TEACHER, replaces=8),
        Command(("compress", "--seed", seed), replaces=10),
        Command(("compress", "--seed", seed, "--name", "mine"), replaces=2),
        Command(("compress", "--teacher", "own-model", "--artifacts", "."), replaces=9),
        Command(("compress", "--teacher", "own-model", "--seed", seed)),
        Command(("export",), damaged=EXPORT, replaces=8),
        Command(("export", "--fp32"), damaged=EXPORT, replaces=8),
        Command(("validate",), replaces=5),
        Command(("validate", EXPORT, "--on-inconclusive", "pass"), replaces=5),
        Command(("bench",), replaces=3),
        Command(("bench", "--out", "reports"), replaces=3),
        Command(("inspect", "--picture", "layout.svg")),
        Command(("init",)),
        Command(("init", "--output", "own/mctl.toml")),
        Command(("report", "--format", "html")),
        Command(("predict", "पाऊस")),
        Command(("quickstart", ".")),
        Command(("quickstart", "quick")),
        Command(("run",), damaged=EXPORT, replaces=8),
    ]


Plant = Callable[[Path], None]


def text(name: str) -> Plant:
    """A file of the user's, unless mctl has one there."""

    def plant(folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not os.path.lexists(path):
            path.write_text(f"the user's own {name}\n", encoding="utf-8")

    return plant


def edited(name: str) -> Plant:
    """A line of the user's in a file of mctl's."""

    def plant(folder: Path) -> None:
        path = folder / name
        if path.is_file() and not path.is_symlink():
            path.write_bytes(path.read_bytes() + b"\nAsk Asha before you use it.\n")

    return plant


def link(name: str, target: str) -> Plant:
    """A link of the user's, unless something is there."""

    def plant(folder: Path) -> None:
        path = folder / name
        if not os.path.lexists(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(target)

    return plant


def moved(name: str, to: str) -> Plant:
    """A folder of mctl's that the user keeps elsewhere, with a link in its place: it is the user's from then on."""

    def plant(folder: Path) -> None:
        path, target = folder / name, folder / to
        if path.is_dir() and not path.is_symlink() and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)
            path.symlink_to(target)

    return plant


# In nobody's way.
HARMLESS = [
    *(
        text(f"{place}/{name}")
        for place in WHOLE
        for name in (".DS_Store", ".gitattributes", ".cache/huggingface/x", ".git/HEAD")
    ),
    *(text(f"artifacts/{name}") for name in ("notes.txt", ".teacher.abcd1234.tmp/old/thesis.txt", ".work/notes.txt")),
    *(
        text(f"artifacts/{name}")
        for name in (".prune25.abcd1234.tmp", ".prune25-fp32.x.tmp/new/model.onnx", "teacher.old/x")
    ),
    text(f"{EXPORT}/.validation.json.4711.tmp"),
    text("artifacts/bench/notes.txt"),
    text("reports/notes.txt"),
    text("own/notes.txt"),
    link("artifacts/later", "../thesis"),
]
# In the way of some command.
IN_THE_WAY = [
    *(
        text(f"{place}/{name}")
        for place in WHOLE
        for name in ("notes.txt", "sub/thesis.txt", "checkpoint-500/optimizer.pt")
    ),
    *(edited(f"{place}/config.json") for place in WHOLE),
    *(edited(f"{place}/README.md") for place in WHOLE),
    *(link(f"{place}/thesis", "../../thesis") for place in WHOLE),
    *(
        text(f"{EXPORT}/{name}")
        for name in ("validation-cuda.json", "junit-cuda.xml", "verdicts/notes.txt", "verdicts/x.json")
    ),
    *(text(name) for name in ("synthetic.csv", "quick/mctl.toml", "quick/synthetic.csv", "quick/encoder/config.json")),
    *(
        text(name)
        for name in ("quick/artifacts", "layout.svg", "own/mctl.toml", "reports/bench.md", "reports/bench.json")
    ),
    *(
        text(name)
        for name in ("reports", "artifacts/bench", "artifacts/mine/thesis.txt", "teacher/thesis.txt", "prune25")
    ),
    edited("artifacts/bench/bench.md"),
    link("reports", "thesis"),
    link("layout.svg", "thesis/1.txt"),
    link("artifacts/mine", "../thesis"),
    link("artifacts/.work", "../thesis"),
    link("teacher", "thesis"),
    moved(TEACHER, "elsewhere/teacher"),
    moved(EXPORT, "elsewhere/export"),
    moved("artifacts", "elsewhere/artifacts"),
]


def of_the_user(folder: Path, before: dict[str, str]) -> dict[str, str]:
    """Files and links in a folder that are not those of `before`, by name: what they hold or where they lead."""
    return {name: value for name, value in contents(folder).items() if before.get(name) != value}


def contents(folder: Path) -> dict[str, str]:
    """Every file and link, by name."""
    found = {}
    for parent, folders, files in os.walk(folder):
        for name in (*files, *folders):
            path = Path(parent) / name
            key = str(path.relative_to(folder))
            if path.is_symlink():
                found[key] = f"-> {path.readlink()}"
            elif path.is_file():
                found[key] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def watch(folder: Path, state: State, kill_at: int) -> None:
    """Count what this process writes, and end it before the change of a name that has the number `kill_at`."""
    root, began = f"{folder.resolve()}/", False

    def inside(path: Any) -> str:
        full = os.path.normpath(Path.cwd() / os.fsdecode(path)) if isinstance(path, str | bytes | os.PathLike) else ""
        return full[len(root) :] if full.startswith(root) else ""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal began
        if event == "open":
            mode, flags = arguments[1], arguments[2]
            if inside(arguments[0]) and ("w" in (mode or "") or (flags or 0) & (os.O_WRONLY | os.O_RDWR)):
                state.add(0)
        elif event in ("os.rename", "os.remove", "os.rmdir"):
            names = [name for path in arguments[: 2 if event == "os.rename" else 1] if (name := inside(path))]
            if any(_is_replaced(name) for name in names):
                taken = event != "os.rename" or _is_shown(names[0]) or os.path.lexists(arguments[1])
                began = began or taken
                if began and state.add(1) == kill_at:
                    os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def _is_shown(name: str) -> bool:
    return not any(part.startswith(".") for part in Path(name).parts)


def _is_replaced(name: str) -> bool:
    """Whether a name is one that users see, or lies in what is being taken away."""
    return _is_shown(name) or (".tmp/old" in name and ".work" not in name)


def give(folder: Path, arguments: tuple[str, ...], state: State, kill_at: int, kill_after: float) -> int:
    """A command in a process of its own; the exit code, or -9."""
    child = os.fork()
    if child == 0:
        _command(folder, arguments, state, kill_at)
    deadline = time.monotonic() + (kill_after or _WAIT_SECONDS)
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            deadline = float("inf")
        time.sleep(0.002)


def _command(folder: Path, arguments: tuple[str, ...], state: State, kill_at: int) -> None:
    os.chdir(folder)
    log = os.open(folder.parent / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.argv = ["mctl", *arguments]
    watch(folder, state, kill_at)
    from mctl.cli import main

    code = 70
    try:
        main()
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        (folder.parent / "modules").write_text("\n".join(sys.modules), encoding="utf-8")
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def prepare(base: Path) -> None:
    """The chain, made once, and a folder of the user's."""
    from mctl.samples import headlines, write_csv

    base.mkdir()
    rows = headlines(7, 90)
    write_csv(base / "news.csv", rows)
    (base / "mctl.toml").write_text(RECIPE, encoding="utf-8")
    shutil.copytree(ENCODER, base / "encoder")
    for number in range(3):
        path = base / "thesis" / f"{number}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"chapter {number}\n", encoding="utf-8")
    for arguments in (("compress",), ("export",), ("validate",), ("bench",)):
        code = give(base, arguments, State(), 0, 0)
        if code not in (0, 1, 3):
            raise SystemExit(f"mctl {arguments[0]} ended with {code}: {(base.parent / 'log').read_text()}")
        warm_up((base.parent / "modules").read_text(encoding="utf-8").split())
    theirs = shutil.ignore_patterns("manifest.json", "README.md")
    shutil.copytree(base / TEACHER, base / "own-model", ignore=theirs)


def one(base: Path, folder: Path, number: int, dice: random.Random, found: Counter[str]) -> list[str]:
    """One run; what was lost in it."""
    shutil.copytree(base, folder, symlinks=True)
    made = {name: value for name, value in contents(base).items() if name.startswith("artifacts/")}
    made |= {f"elsewhere/{name}": value for name, value in made.items()}  # Where a link may lead all of them.
    choices = commands(dice)
    command = (
        choices[number % len(choices)] if number % 2 else dice.choice([one for one in choices if one.replaces > 2])
    )
    if command.damaged:
        (folder / command.damaged / "tokenizer_config.json").unlink()
    for plant in dice.sample(HARMLESS, 4) + (dice.sample(IN_THE_WAY, 4) if number % 4 == 1 else []):
        try:
            plant(folder)
        except (FileExistsError, NotADirectoryError):
            continue  # An earlier one stands there.
    users = of_the_user(folder, made)
    whole = [place for place in WHOLE if place != command.damaged and _is_whole(folder / place)]
    kind = number % 4
    kill_at = dice.randint(2, max(command.replaces, 2)) if kind in (0, 2) else 0
    kill_after = dice.uniform(0.05, 6) if kind == 3 else 0.0
    state = State()
    code = give(folder, command.arguments, state, kill_at, kill_after)
    writes, replaced = state.read()
    found["runs"] += 1
    found["reached writing"] += writes > 0
    found["killed"] += code == -signal.SIGKILL
    found["killed while replacing"] += code == -signal.SIGKILL and kill_at > 0 and replaced >= kill_at
    found["refused"] += code == 2
    found["ended well"] += code in (0, 1, 3)
    found["with links or files inside artifacts"] += any(
        value.startswith("->") or name.startswith(WHOLE) for name, value in users.items()
    )
    lost = _lost(folder, users, whole)
    if code not in (-signal.SIGKILL, 0, 1, 2, 3):
        lost.append(f"exit code {code}: {(folder.parent / 'log').read_text(errors='replace')[-600:]}")
    return [
        f"run {number}, mctl {' '.join(command.arguments)}, killed at {kill_at or kill_after}: {what}" for what in lost
    ]


def _lost(folder: Path, users: dict[str, str], whole: list[str]) -> list[str]:
    from mctl.artifact import artifacts_in
    from mctl.errors import UserError

    for root in (folder / "artifacts", folder, folder / "quick" / "artifacts"):
        if root.is_dir():
            artifacts_in(root, ("teacher", "compressed", "export"))
    after = contents(folder)
    changed = [name for name, value in users.items() if after.get(name) != value]
    try:
        gone = [place for place in whole if not _is_whole(folder / place)]
    except UserError as error:
        gone = [str(error)]
    return [f"{name} is {'changed' if name in after else 'gone'}" for name in changed] + [
        f"the artifact {place} is gone" for place in gone
    ]


def _is_whole(place: Path) -> bool:
    from mctl.artifact import load_artifact
    from mctl.errors import UserError

    try:
        load_artifact(place)
    except UserError:
        return False
    return True


def warm_up(modules: list[str]) -> None:
    """Import what a command has imported, so that the next forks have it. Nothing is computed: no thread is started."""
    for name in modules:
        with contextlib.suppress(Exception):
            importlib.import_module(name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first run, to do one again")
    parser.add_argument("--keep", type=Path, help="work here, and keep the folders of runs that lost something")
    arguments = parser.parse_args()
    warm_up(["torch", "onnxruntime", "transformers", "mctl.pipeline.run"])
    found, lost, started = Counter[str](), list[str](), time.monotonic()
    with tempfile.TemporaryDirectory(dir=arguments.keep) as temporary:
        root = Path(temporary)
        prepare(root / "base")
        for number in range(arguments.first, arguments.first + arguments.runs):
            folder = root / "run"
            missing = one(root / "base", folder, number, random.Random(f"{arguments.seed} {number}"), found)
            lost += missing
            print(f"{number}: {dict(found)}", file=sys.stderr, flush=True)
            for line in missing:
                print(line, flush=True)
            if missing and arguments.keep:
                folder.rename(arguments.keep / f"run-{number}")
            shutil.rmtree(folder, ignore_errors=True)
    found["lost"] = len(lost)
    print(", ".join(f"{name}: {count}" for name, count in found.items()), f"in {time.monotonic() - started:.0f} s")
    share = arguments.runs / 200
    enough = found["reached writing"] >= 100 * share and found["killed while replacing"] >= 50 * share
    if lost or not enough:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
