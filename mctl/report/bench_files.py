"""A benchmark on disk: JSON, Markdown and a picture."""

from __future__ import annotations

from pathlib import Path

from mctl.artifact import MANIFEST, make_folder, write_atomically
from mctl.errors import UserError
from mctl.ownership import refuse_unless_report, signed
from mctl.report.bench_markdown import markdown
from mctl.report.bench_picture import picture
from mctl.report.bench_schema import BenchResult

_NAMES = ("bench.json", "bench.md", "bench.svg")


def check_folder(folder: Path) -> None:
    """Refuse a folder that reports would damage, before anything is measured.

    Raises:
        UserError: it is an artifact, whose files are counted and hashed, or a file, or a report would replace a file
            that is not as mctl wrote it.
    """
    if (folder / MANIFEST).exists():
        raise UserError("this folder is an artifact.", where=f"--out {folder}", todo="Name another folder.")
    if folder.exists() and not folder.is_dir():
        raise UserError("this is a file.", where=f"--out {folder}", todo="Name a folder.")
    for name in _NAMES:
        refuse_unless_report(folder / name, "--out")


def write_reports(result: BenchResult, folder: Path) -> list[Path]:
    """Write `bench.json`, `bench.md` and `bench.svg`; those of an earlier benchmark are replaced.

    Raises:
        UserError: as `check_folder`.
    """
    make_folder(folder)
    contents = {
        "bench.json": (result.model_dump_json(indent=2) + "\n").encode(),
        "bench.md": signed(markdown(result).encode()),
        "bench.svg": picture(result),
    }
    check_folder(folder)
    for name, content in contents.items():
        write_atomically(folder / name, content)
    return [folder / name for name in contents]
