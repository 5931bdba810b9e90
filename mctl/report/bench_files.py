"""A benchmark on disk: JSON, Markdown and a picture."""

from __future__ import annotations

from pathlib import Path

from mctl.artifact import MANIFEST, make_folder, write_atomically
from mctl.errors import UserError
from mctl.report.bench_markdown import markdown
from mctl.report.bench_picture import picture
from mctl.report.bench_schema import BenchResult


def check_folder(folder: Path) -> None:
    """Refuse a folder that reports would damage, before anything is measured.

    Raises:
        UserError: it is an artifact, whose files are counted and hashed, or a file.
    """
    if (folder / MANIFEST).exists():
        raise UserError("this folder is an artifact.", where=f"--out {folder}", todo="Name another folder.")
    if folder.exists() and not folder.is_dir():
        raise UserError("this is a file.", where=f"--out {folder}", todo="Name a folder.")


def write_reports(result: BenchResult, folder: Path) -> list[Path]:
    """Write `bench.json`, `bench.md` and `bench.svg`; those of an earlier benchmark are replaced.

    Raises:
        UserError: a file is where the folder should be.
    """
    make_folder(folder)
    contents = {
        "bench.json": (result.model_dump_json(indent=2) + "\n").encode(),
        "bench.md": markdown(result).encode(),
        "bench.svg": picture(result),
    }
    for name, content in contents.items():
        write_atomically(folder / name, content)
    return [folder / name for name in contents]
