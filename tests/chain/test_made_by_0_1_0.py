"""What version 0.1.0 made stays readable: artifacts, a recipe, a verdict, a bench record.

`tests/fixtures/0.1.0` was written by that version: `mctl run`, `mctl bench`, and `mctl compress --teacher` into the
folder `adopted`, with an encoder of two layers. It is never written again.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from command import mctl

FIXTURE = Path(__file__).resolve().parents[1] / "fixtures" / "0.1.0"
EXPORT = Path("artifacts") / "prune25-distill-fp16"
MADE = ["teacher", "prune25-distill", "prune25-distill-fp16"]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A copy to work in."""
    return Path(shutil.copytree(FIXTURE, tmp_path / "old"))


def test_the_chain_beside_its_artifacts_trains_and_replaces_nothing(old: Path) -> None:
    before = {name: (old / "artifacts" / name / "manifest.json").read_bytes() for name in MADE}
    ran = mctl("run", cwd=old)
    assert ran.code == 0, ran.err
    for name in MADE:
        assert f"artifacts/{name} is up to date" in ran.err
        assert (old / "artifacts" / name / "manifest.json").read_bytes() == before[name]


@pytest.mark.parametrize("name", [*(f"artifacts/{name}" for name in MADE), "adopted/teacher", "adopted/prune0-vocab"])
def test_its_artifacts_are_inspected_and_label_texts(old: Path, name: str) -> None:
    inspected = mctl("inspect", name, "--json", cwd=old)
    assert inspected.code == 0, inspected.err
    assert json.loads(inspected.out)["schema_version"] == 1
    asked = mctl("predict", "--artifact", name, "मुंबईत आज जोरदार पाऊस", "--json", cwd=old)
    assert asked.code == 0, asked.err
    assert json.loads(asked.out)["label"]


def test_its_verdict_is_shown_and_is_a_release_to_compare_with(old: Path) -> None:
    shown = mctl("report", EXPORT, "--format", "json", cwd=old)
    assert shown.code == 0, shown.err
    assert json.loads(shown.out)["verdict"] == "pass"
    release = shutil.copyfile(old / EXPORT / "validation.json", old / "release.json")
    judged = mctl("validate", EXPORT, "--against", release, "--json", cwd=old)
    assert judged.code in {0, 3}, judged.err
    assert any(check["group"] == "release" for check in json.loads(judged.out)["checks"])


def test_its_bench_record_is_read() -> None:
    from mctl.report.bench_schema import BenchResult

    record = BenchResult.model_validate_json((FIXTURE / "artifacts" / "bench" / "bench.json").read_bytes())
    assert {"teacher", "prune25-distill-fp16"} <= set(record.participants)
