"""Exports under an onnxruntime that is too old for them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from unittest import mock

import pytest
from command import mctl

FIXTURE = Path(__file__).resolve().parents[1] / "fixtures" / "0.1.0"
EXPORT = "artifacts/prune25-distill-fp16"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Made by version 0.1.0, which recorded no version: it is read off the file."""
    return Path(shutil.copytree(FIXTURE, tmp_path / "old"))


@pytest.mark.parametrize(
    "command",
    [
        ("predict", "--artifact", EXPORT, "text"),
        ("validate", EXPORT),
        ("bench", EXPORT, "--no-torch", "--out", "times"),
    ],
)
def test_what_runs_an_export_names_the_version_that_it_needs(old: Path, command: tuple[str, ...]) -> None:
    with mock.patch("onnxruntime.__version__", "1.19.2"):
        ran = mctl(*command, cwd=old)
    assert ran.code == 2 and "Traceback" not in ran.err
    assert f"{EXPORT}: this export needs onnxruntime 1.20, and 1.19.2 is installed." in ran.err


def test_doctor_names_an_export_that_the_runtime_is_too_old_for(old: Path) -> None:
    with mock.patch("onnxruntime.__version__", "1.19.2"):
        assert "needs onnxruntime 1.20" in " ".join(mctl("doctor", cwd=old).out.split())
    assert "new enough for all 1" in " ".join(mctl("doctor", cwd=old).out.split())


def test_an_export_records_the_version_and_its_card_tells_it(chain: Path) -> None:
    folder = chain / EXPORT
    assert json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["facts"]["onnxruntime"] == "1.20"
    assert "It needs onnxruntime 1.20 or later." in (folder / "README.md").read_text(encoding="utf-8")
