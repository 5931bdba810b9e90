"""A benchmark on disk: JSON, Markdown and a picture."""

from __future__ import annotations

import json
import re
from pathlib import Path

from pydantic import ValidationError

from mctl.artifact import MANIFEST, make_folder, refuse_inside_artifact, write_atomically
from mctl.errors import UserError
from mctl.ownership import bench_hash, is_report, refuse_unless_report, signed, signed_picture
from mctl.report.bench_markdown import markdown
from mctl.report.bench_picture import picture
from mctl.report.bench_schema import BenchResult

_NAMES = ("bench.json", "bench.md", "bench.svg")
_MATPLOTLIB = b"<dc:title>Matplotlib v"


def check_folder(folder: Path) -> None:
    """Refuse a folder that reports would damage, before anything is measured.

    Raises:
        UserError: it is or lies in an artifact, or is a file, or a report would replace a file that is not as mctl
            wrote it.
    """
    if (folder / MANIFEST).exists():
        raise UserError("this folder is an artifact.", where=f"--out {folder}", todo="Name another folder.")
    refuse_inside_artifact(folder, f"--out {folder}")
    if folder.exists() and not folder.is_dir():
        raise UserError("this is a file.", where=f"--out {folder}", todo="Name a folder.")
    for name in _NAMES:
        if not _is_of_0_1_0(folder / name):
            refuse_unless_report(folder / name, "--out")


def _is_of_0_1_0(report: Path) -> bool:
    """Whether version 0.1.0 wrote a report, whose reports bear no sign, and nobody changed it since.

    It is compared with what that version wrote from the figures beside it. Each matplotlib draws a little otherwise:
    of a picture, the texts and the styles are compared.
    """
    figures = report.parent / "bench.json"
    if report.is_symlink() or not report.is_file() or report == figures or not is_report(figures):
        return False
    try:
        result = BenchResult.model_validate_json(figures.read_bytes())
    except ValidationError:
        return False
    content = report.read_bytes()
    if report.suffix == ".md":
        return content == markdown(result).encode()
    return _MATPLOTLIB in content and _drawn(content) == _drawn(picture(result))


def _drawn(svg: bytes) -> list[bytes]:
    return re.findall(rb'<!--.*?-->|style="[^"]*"', svg)


def as_json(result: BenchResult) -> str:
    """The result with the hash by which an edit of it is noticed."""
    sign = bench_hash(json.loads(result.model_dump_json()))
    return result.model_copy(update={"sha256": sign}).model_dump_json(indent=2)


def write_reports(result: BenchResult, folder: Path) -> list[Path]:
    """Write `bench.json`, `bench.md` and `bench.svg`; those of an earlier benchmark are replaced.

    Raises:
        UserError: as `check_folder`.
    """
    make_folder(folder)
    contents = {
        "bench.md": signed(markdown(result).encode()),
        "bench.svg": signed_picture(picture(result), "svg"),
        # The last: reports of version 0.1.0 are known by the figures that they were made from.
        "bench.json": (as_json(result) + "\n").encode(),
    }
    check_folder(folder)
    for name, content in contents.items():
        write_atomically(folder / name, content)
    return [folder / name for name in _NAMES]
