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

from mctl.ownership import is_report

FIXTURE = Path(__file__).resolve().parents[1] / "fixtures" / "0.1.0"
EXPORT = Path("artifacts") / "prune25-distill-fp16"
QUICK = ("--no-emissions", "--repeats", "2")
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


def test_its_card_gives_way_to_that_of_the_new_verdict_unless_somebody_edited_it(old: Path) -> None:
    card = old / EXPORT / "README.md"
    assert mctl("validate", EXPORT, *QUICK, cwd=old).code in {0, 3}
    assert b"onnxruntime.InferenceSession" in card.read_bytes(), "the card of this version"
    for name in ("validation.html", "junit.xml"):
        assert is_report(old / EXPORT / name) and not is_report(FIXTURE / EXPORT / name)
    edited = (FIXTURE / EXPORT / "README.md").read_bytes().replace(b"82.4", b"92.4")
    card.write_bytes(edited)
    shutil.copyfile(FIXTURE / EXPORT / "validation.json", old / EXPORT / "validation.json")
    judged = mctl("validate", EXPORT, *QUICK, cwd=old)
    assert card.read_bytes() == edited
    assert "was written or changed by somebody else and stays as it is" in judged.err


@pytest.mark.parametrize("name", ["validation.html", "junit.xml", "validation.json"])
def test_its_reports_are_not_replaced_once_they_are_edited(old: Path, name: str) -> None:
    report = old / EXPORT / name
    edited = report.read_bytes().replace(b"export_files", b"export_files_")
    if name == "validation.json":
        edited = json.dumps(json.loads(edited) | {"reviewed_by": "Asha"}).encode()
    report.write_bytes(edited)
    judged = mctl("validate", EXPORT, *QUICK, cwd=old)
    assert judged.code == 2
    assert f"{name}: a file that mctl did not write is in the way" in " ".join(judged.err.split())
    assert report.read_bytes() == edited


def test_its_export_is_made_again_without_its_card_and_never_under_an_edited_one(old: Path) -> None:
    card = old / EXPORT / "README.md"
    (old / EXPORT / "config.json").unlink()
    written = card.read_bytes()
    card.write_bytes(written + b"Ask Asha.\n")
    refused = mctl("export", cwd=old)
    assert refused.code == 2
    assert "its README.md, which was changed, tells the verdict on this one" in " ".join(refused.err.split())
    assert card.read_bytes() == written + b"Ask Asha.\n"
    card.write_bytes(written)
    made = mctl("export", cwd=old)
    assert made.code == 0, made.err
    assert not card.exists(), "it told the verdict on the old one"
    kept = [json.loads(path.read_bytes()) for path in (old / EXPORT / "verdicts").iterdir()]
    assert kept == [json.loads((FIXTURE / EXPORT / "validation.json").read_bytes())]


def test_its_benchmark_is_replaced_and_an_edited_report_of_it_is_not(old: Path) -> None:
    folder = old / "artifacts" / "bench"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    few = ("bench", "--rounds", "2", "--batch", "1", "--length", "8", "--no-memory", "--no-energy")
    for name, mine in (
        ("bench.svg", before["bench.svg"].replace(b"#1f77b4", b"#ff0000")),
        ("bench.md", before["bench.md"].replace(b"8.69", b"9.69")),
        ("bench.svg", b"<svg>mine</svg>"),
    ):
        (folder / name).write_bytes(mine)
        refused = mctl(*few, cwd=old)
        assert refused.code == 2
        assert name in refused.err
        assert (folder / name).read_bytes() == mine
        (folder / name).write_bytes(before[name])
    for _ in range(2):
        ran = mctl(*few, cwd=old)
        assert ran.code == 0, ran.err
    assert all((folder / name).read_bytes() != content for name, content in before.items())
