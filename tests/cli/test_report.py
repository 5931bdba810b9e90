"""`mctl report`, and what `mctl validate` leaves behind."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from command import mctl
from refusal import Refused, complaint
from reseal import reseal

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
    checks = json.loads((chain / EXPORT / "validation.json").read_text(encoding="utf-8"))["checks"]
    ran = mctl("report", EXPORT, cwd=chain)
    assert ran.code == 0, ran.err
    first, reason, *others = ran.out.splitlines()
    assert first == "verdict: PASS  prune25-distill-fp16"
    passed = sum(check["verdict"] == "pass" for check in checks)
    assert reason == f"All {passed} checks passed."
    assert {line.split()[0] for line in others if line} >= {"quality", "speed", "size", "energy"}
    assert not any("export_files" in line for line in others)
    ran = mctl("report", EXPORT, "-v", cwd=chain)
    rows = [line for line in ran.out.splitlines() if line.startswith(("pass  ", "info  "))]
    assert [row.split()[2] for row in rows] == [
        check["name"] for word in ("pass", "info") for check in checks if check["verdict"] == word
    ], "a check is a line of a pipe"


@pytest.mark.parametrize("command", ["quickstart", "run", "validate", "report"])
def test_every_command_that_prints_a_verdict_takes_verbose(command: str) -> None:
    ran = mctl(command, "--help", cwd=ROOT)
    assert re.search(r"-v\W+--verbose\b|--verbose\W+-v\b", ran.out)


def test_without_a_verdict(copy_of_chain: Path, refused: Refused) -> None:
    refused(
        "report", "artifacts/teacher", cwd=copy_of_chain, words=["artifacts/teacher", "no verdict", "mctl validate"]
    )
    (copy_of_chain / EXPORT / "validation.json").write_text("{", encoding="utf-8")
    refused("report", EXPORT, cwd=copy_of_chain, words=["validation.json", "no result of"])
    refused("report", cwd=copy_of_chain / EXPORT, words=["there is no export"])


def test_a_verdict_of_another_export_is_not_shown(copy_of_chain: Path, refused: Refused) -> None:
    reseal(copy_of_chain / EXPORT, lambda manifest: manifest.update(created="2026-01-01T00:00:00+00:00"))
    refused("report", EXPORT, cwd=copy_of_chain, words=["validation.json", "of another export"])


def test_a_summary_that_cannot_be_written_does_not_hide_the_verdict(
    copy_of_chain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "/dev/full")
    ran = mctl("validate", EXPORT, "--no-emissions", cwd=copy_of_chain)
    assert ran.code == 2
    assert "verdict: PASS" in ran.out
    assert "GITHUB_STEP_SUMMARY" in complaint(ran.err)


@pytest.mark.parametrize("command", [("validate", EXPORT), ("run",), ("quickstart", "elsewhere")])
def test_a_summary_that_has_no_place_is_refused_before_anything_is_measured(
    copy_of_chain: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    place = copy_of_chain / "no" / "folder"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(place))
    ran = mctl(*command, cwd=copy_of_chain)
    assert (ran.code, ran.out) == (2, "")
    message = complaint(ran.err)
    assert f"GITHUB_STEP_SUMMARY={place}: the summary cannot be written: No such file" in message, message
    assert not (copy_of_chain / "elsewhere").exists()


def test_thresholds_are_numbers_that_end(copy_of_chain: Path, refused: Refused) -> None:
    refused(
        "validate",
        EXPORT,
        "--max-accuracy-drop",
        "inf",
        cwd=copy_of_chain,
        words=["--max-accuracy-drop"],
        error_report=EXPORT,
    )


_OF_STAND_IN = 'print(json.dumps({"verdict": "inconclusive", "artifact": "x-fp16"}))\nsys.exit(3)\n'


def run_of_action(folder: Path, does: str = _OF_STAND_IN, **environment: str) -> tuple[int, dict[str, str], list[str]]:
    """Exit code and outputs of the action's script, and the arguments of a `mctl` that writes them down and `does`."""
    (script,) = [step["run"] for step in yaml.safe_load((ROOT / "action.yml").read_text())["runs"]["steps"][-1:]]
    stand_in = folder / "mctl"
    stand_in.write_text(
        f'#!{sys.executable}\nimport json, sys\njson.dump(sys.argv[1:], open("asked.json", "w"))\n{does}',
        encoding="utf-8",
    )
    stand_in.chmod(0o755)
    output = folder / "output"
    path = f"{folder}:{Path(sys.executable).parent}:/usr/bin:/bin"
    variables = {"ARTIFACT": "", "DATA": "", "FLAGS": "", "PATH": path, "GITHUB_OUTPUT": str(output)} | environment
    ran = subprocess.run(["bash", "-e", "-c", script], cwd=folder, env=variables, check=False)
    outputs = dict(line.split("=", 1) for line in output.read_text(encoding="utf-8").splitlines())
    return ran.returncode, outputs, json.loads((folder / "asked.json").read_text(encoding="utf-8"))


def test_the_action_passes_every_flag_and_names_the_folder(tmp_path: Path) -> None:
    code, outputs, asked = run_of_action(tmp_path, FLAGS="--max-accuracy-drop 0.5\n--min-speedup 2\n")
    assert code == 3
    assert outputs == {"verdict": "inconclusive", "report": "artifacts/x-fp16"}
    assert asked == ["validate", "--max-accuracy-drop", "0.5", "--min-speedup", "2", "--json"]
    _, outputs, asked = run_of_action(tmp_path, ARTIFACT="a/b c", DATA="$(date)")
    assert outputs["report"] == "a/b c"
    assert asked == ["validate", "a/b c", "--data", "$(date)", "--json"]


@pytest.mark.parametrize(("flags", "root"), [("--nosuch", "artifacts"), ("--artifacts out", "out")])
def test_the_action_names_the_folder_of_an_error_report(tmp_path: Path, flags: str, root: str) -> None:
    for place, name, verdict in (("artifacts", "a-fp16", "pass"), (root, "b-fp16", "error")):
        (tmp_path / place / name).mkdir(parents=True)
        (tmp_path / place / name / "validation.json").write_text(json.dumps({"verdict": verdict}))
    written = f'open("{root}/b-fp16/validation.json", "a").write(" ")\nsys.exit(2)\n'
    code, outputs, _ = run_of_action(tmp_path, written, FLAGS=flags)
    assert (code, outputs) == (2, {"verdict": "error", "report": f"{root}/b-fp16"})


def test_the_action_has_no_folder_where_no_error_report_was_written(tmp_path: Path) -> None:
    (tmp_path / "artifacts" / "a-fp16").mkdir(parents=True)
    (tmp_path / "artifacts" / "a-fp16" / "validation.json").write_text('{"verdict": "pass"}')
    code, outputs, _ = run_of_action(tmp_path, "sys.exit(2)\n")
    assert (code, outputs) == (2, {"verdict": "error", "report": ""})


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
