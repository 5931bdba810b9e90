"""The embedded sample, written where the user can look at it."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mctl.artifact import make_folder
from mctl.ownership import refuse_to_replace
from mctl.progress import Progress
from mctl.recipe import Recipe, load_recipe
from mctl.recipe_file import QUICKSTART_TITLE, brief_recipe

_SEED = 42
_PREFIX, _MARK = ".quickstart.", "written-by-mctl"
_MARK_TEXT = "mctl quickstart makes its sample in this folder. A killed one leaves it; the next one removes it.\n"
# Nine tenths are trained on. About a dozen test texts in a thousand get another label after compression, so that this
# many decide whether the accuracy fell by a point.
_ROWS, _TEST_ROWS = 1240, 1200
_RECIPE = {
    "artifacts": "artifacts",
    "model.name": "encoder",
    "model.max_length": 32,
    "data.source": "synthetic.csv",
    "data.test": "test.csv",
    "finetune.epochs": 5,
    "finetune.learning_rate": 5e-4,
    "finetune.freeze_embeddings": False,
    "compress.prune": 25.0,
    "compress.distill": True,
    "compress.ramp_epochs": 3,
    "compress.recovery_epochs": 2,
    "compress.learning_rate": 5e-4,
    "compress.freeze_embeddings": False,
    "export.precision": "fp16",
}


def prepare(folder: Path, progress: Progress) -> Recipe:
    """Write sample data, test data, a tiny encoder and a recipe into `folder`.

    Doing it again in the same folder changes nothing, so that an interrupted quickstart goes on.

    Raises:
        UserError: `folder` has something of the user's under a name of these.
    """
    import torch

    # Matrices this small gain nothing from a second thread, and on a busy machine two threads wait for each other.
    torch.set_num_threads(1)
    make_folder(folder)
    with _alone_in(folder), tempfile.TemporaryDirectory(prefix=_PREFIX, dir=folder) as temporary:
        (Path(temporary) / _MARK).write_text(_MARK_TEXT, encoding="utf-8")
        _write_sample(Path(temporary))
        for left in folder.glob(f"{_PREFIX}*"):
            if left != Path(temporary):
                _remove_leftover(left, Path(temporary))
        made = [Path(temporary) / name for name in ("synthetic.csv", "test.csv", "encoder", "mctl.toml")]
        missing = [path for path in made if not _is_there(path, folder / path.name)]
        for path in missing:
            path.rename(folder / path.name)
    progress.say(
        f"sample: {_ROWS} synthetic headlines in {folder / 'synthetic.csv'} and {_TEST_ROWS} to test on in "
        f"{folder / 'test.csv'}; a tiny encoder with random weights in {folder / 'encoder'}"
    )
    return load_recipe(folder / "mctl.toml")


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Wait for another quickstart that makes its sample in this folder; the kernel drops the lock with the process."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)


def _remove_leftover(left: Path, made: Path) -> None:
    """Remove what a killed quickstart has left, if each file is known by its content to be one.

    Args:
        left: a folder with the name of a leftover.
        made: a sample that is complete. Of the files that the killed one wrote, each is the same, or its beginning.
    """
    if left.is_symlink() or not left.is_dir() or not _is_mark(left / _MARK):
        return
    entries = sorted(left.rglob("*"), reverse=True)
    if not all(_is_left(path, made / path.relative_to(left)) for path in entries):
        return
    for path in entries:
        path.rmdir() if path.is_dir() else path.unlink()
    left.rmdir()


def _is_mark(path: Path) -> bool:
    return path.is_file() and not path.is_symlink() and path.read_bytes() == _MARK_TEXT.encode()


def _is_left(path: Path, made: Path) -> bool:
    """Whether a quickstart wrote this: a folder of the sample, or a file of it, complete or cut off."""
    if path.is_symlink():
        return False
    if path.is_dir():
        return made.is_dir()
    return path.is_file() and made.is_file() and made.read_bytes().startswith(path.read_bytes())


def _write_sample(folder: Path) -> None:
    from mctl.samples import headlines, tiny_model, write_csv

    rows = headlines(_SEED, _ROWS + _TEST_ROWS)
    write_csv(folder / "synthetic.csv", rows[:_ROWS])
    write_csv(folder / "test.csv", rows[_ROWS:])
    tiny_model(folder / "encoder", [text for text, _ in rows[:_ROWS]], _SEED)
    (folder / "mctl.toml").write_text(brief_recipe(_RECIPE, QUICKSTART_TITLE), encoding="utf-8")


def _is_there(made: Path, target: Path) -> bool:
    """Whether a quickstart has put this into place before.

    Raises:
        UserError: something else is there.
    """
    # An encoder is known by its card, which says that its weights are random.
    one, other = (path / "README.md" if made.is_dir() else path for path in (made, target))
    if other.is_file() and not target.is_symlink() and one.read_bytes() == other.read_bytes():
        return True
    refuse_to_replace(target, "`mctl quickstart NEW_FOLDER`")
    return False
