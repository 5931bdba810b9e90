"""`mctl report`, and what `mctl validate` leaves behind."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from xml.etree import ElementTree

import pytest
from command import mctl
from refusal import Refused

EXPORT = "artifacts/prune25-distill-fp16"
ROOT = Path(__file__).parents[2]


def test_validate_leaves_its_reports_and_is_not_disturbed_by_them(
    copy_of_chain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = tmp_path / "step.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(step))
    for _ in range(2):
        ran = mctl("validate", EXPORT, "--no-emissions", cwd=copy_of_chain)
        assert ran.code == 0, ran.err
    names = {"validation.json", "validation.html", "junit.xml", "validation.sarif"}
    assert names <= {path.name for path in (copy_of_chain / EXPORT).iterdir()}
    assert step.read_text(encoding="utf-8").count("# ✅ pass: prune25-distill-fp16") == 2


@pytest.mark.parametrize("format", ["json", "html", "junit", "sarif", "markdown"])
def test_every_format_goes_to_stdout_as_it_is(chain: Path, format: str) -> None:
    ran = mctl("report", "--format", format, cwd=chain)
    assert ran.code == 0, ran.err
    files = {"json": "validation.json", "html": "validation.html", "junit": "junit.xml", "sarif": "validation.sarif"}
    if format in files:
        assert ran.out == (chain / EXPORT / files[format]).read_text(encoding="utf-8")
    if format in {"json", "sarif"}:
        json.loads(ran.out)
    if format == "junit":
        ElementTree.fromstring(ran.out.encode())
    if format == "markdown":
        assert ran.out.startswith("# ✅ pass: prune25-distill-fp16\n")


def test_the_terminal_shows_what_validate_showed(chain: Path) -> None:
    ran = mctl("report", EXPORT, cwd=chain)
    assert ran.code == 0, ran.err
    assert ran.out.rstrip().endswith("verdict: PASS  prune25-distill-fp16")


def test_without_a_verdict(copy_of_chain: Path, refused: Refused) -> None:
    refused(
        "report", "artifacts/teacher", cwd=copy_of_chain, words=["artifacts/teacher", "no verdict", "mctl validate"]
    )
    (copy_of_chain / EXPORT / "validation.json").write_text("{", encoding="utf-8")
    refused("report", EXPORT, cwd=copy_of_chain, words=["validation.json", "no result of"])
    refused("report", cwd=copy_of_chain / EXPORT, words=["there is no export"])


def fits(schema: str, path: Path) -> None:
    checker = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema]
    ran = subprocess.run([*checker, path], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_action_fits_githubs_schema() -> None:
    fits("vendor.github-actions", ROOT / "action.yml")


def test_the_job_in_the_guide_fits_gitlabs_schema(tmp_path: Path) -> None:
    guide = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
    job = guide.partition("On GitLab:\n\n")[2].partition("\n\n")[0]
    (tmp_path / "job.yml").write_text(textwrap.dedent(job), encoding="utf-8")
    assert "mctl validate" in job
    fits("vendor.gitlab-ci", tmp_path / "job.yml")
