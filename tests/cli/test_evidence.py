"""Reports of verdicts: the history is kept, and no old pass stands where none was reached."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from command import finish, mctl, start
from junitparser import Error, JUnitXml
from refusal import Refused, contents
from reseal import reseal
from sarif_pydantic import Sarif

from mctl.artifact import keep_verdict
from mctl.report.verdict_files import parse_result

if TYPE_CHECKING:
    from mctl.pipeline.measure import Measured

FIXTURE = Path(__file__).resolve().parents[1] / "fixtures" / "0.1.0"
EXPORT = "artifacts/prune25-distill-fp16"
QUICK = ("--no-emissions", "--repeats", "2")


def result_in(folder: Path, name: str = "validation.json") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / name).read_text(encoding="utf-8"))
    return found


def history(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "verdicts").iterdir())


def test_every_verdict_is_kept_and_the_newest_has_the_usual_name(copy_of_chain: Path) -> None:
    folder = copy_of_chain / EXPORT
    (first,) = history(folder)
    assert mctl("validate", EXPORT, *QUICK, "--max-logit-diff", "1e-9", cwd=copy_of_chain).code == 1
    assert history(folder)[0] == first
    assert len(history(folder)) == 2
    verdicts = [result_in(folder / "verdicts", name)["verdict"] for name in history(folder)]
    assert verdicts == ["pass", "fail"]
    assert result_in(folder) == result_in(folder / "verdicts", history(folder)[1])
    assert result_in(folder)["reason"].startswith("max_logit_diff: ")
    assert "**fail** on cpu" in (folder / "README.md").read_text(encoding="utf-8")


def test_a_verdict_of_0_1_0_is_kept_when_it_is_replaced(tmp_path: Path) -> None:
    shutil.copytree(FIXTURE, tmp_path / "old")
    folder = tmp_path / "old" / EXPORT
    before = result_in(folder)
    assert mctl("validate", EXPORT, *QUICK, cwd=tmp_path / "old").code in {0, 3}
    kept = [parse_result(folder / "verdicts" / name) for name in history(folder)]
    assert len(kept) == 2
    assert kept[0].created == before["created"]
    assert (folder / "verdicts" / history(folder)[0]).read_bytes() == (
        FIXTURE / EXPORT / "validation.json"
    ).read_bytes()
    assert [(one.name, one.verdict, one.why) for one in kept[0].checks] == [
        (one["name"], one["verdict"], one["why"]) for one in before["checks"]
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((EXPORT, "--nosuch"), "there is no option --nosuch"),
        (("--nosuch",), "there is no option --nosuch"),
        (("--artifacts", "artifacts", "--nosuch"), "there is no option --nosuch"),
        (("--batch-size", "8", "--min-speedup", "fast"), "unable to parse string as a number"),
        (("--data", "news.csv", EXPORT, "again"), "unexpected extra argument"),
        (("--max-accuracy-drop", "-5"), "greater than or equal to 0"),
        (("--max-acuracy-drop", "2", EXPORT), "there is no option --max-acuracy-drop"),
        (("--max-acuracy-drop", "2"), "there is no option --max-acuracy-drop"),
        (("--nosuch", EXPORT, "2"), "there is no option --nosuch"),
        (("--artifacts",), "requires an argument"),
        (("--max-accuracy-drop", EXPORT), "unable to parse string as a number"),
        (("-c", "gone.toml", "--nosuch"), "there is no option --nosuch"),
        ((f"{EXPORT}/model.onnx",), "this is an ONNX file"),
    ],
)
def test_a_command_line_that_is_refused_leaves_no_old_pass(
    tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    shutil.copytree(FIXTURE, tmp_path / "old")
    folder = tmp_path / "old" / EXPORT
    before = result_in(folder)
    assert before["verdict"] == "pass"
    assert mctl("validate", *arguments, cwd=tmp_path / "old").code == 2
    result = result_in(folder)
    assert (result["verdict"], result["error"]["kind"]) == ("error", "refused")
    assert words in result["error"]["what"]
    (kept,) = history(folder)
    assert result_in(folder / "verdicts", kept)["created"] == before["created"]
    assert "It has no verdict" in (folder / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "arguments",
    [
        ("validate", "nowhere", "--nosuch"),
        ("export", EXPORT, "--nosuch"),
        ("validate", "--nosuch", "-c", "gone/mctl.toml"),
        ("validate", "--nosuch", "-cgone/mctl.toml"),
    ],
)
def test_a_command_line_that_names_no_export_changes_none(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    shutil.copytree(FIXTURE, tmp_path / "old")
    before = contents(tmp_path)
    assert mctl(*arguments, cwd=tmp_path / "old").code == 2
    assert contents(tmp_path) == before


def test_a_command_line_for_cuda_that_is_refused_leaves_the_verdict_on_cpu(tmp_path: Path) -> None:
    shutil.copytree(FIXTURE, tmp_path / "old")
    folder = tmp_path / "old" / EXPORT
    before = result_in(folder)
    assert mctl("validate", EXPORT, "--provider=cuda", "--nosuch", cwd=tmp_path / "old").code == 2
    assert result_in(folder) == before
    assert result_in(folder, "validation-cuda.json")["verdict"] == "error"


@pytest.mark.parametrize("arguments", [(), ("--artifacts", "artifacts"), ("--config", "other.toml")])
@pytest.mark.parametrize("line", ["[gate]\nmin_speedup = 'two'", "max_lenght = 3", "x = = 1"])
def test_a_recipe_that_cannot_be_read_leaves_no_old_pass(tmp_path: Path, arguments: tuple[str, ...], line: str) -> None:
    shutil.copytree(FIXTURE, tmp_path / "old")
    for name in ("mctl.toml", "other.toml"):
        (tmp_path / "old" / name).write_text(f"version = 2\nartifacts = 'artifacts'\n{line}\n", encoding="utf-8")
    assert mctl("validate", *arguments, cwd=tmp_path / "old").code == 2
    assert result_in(tmp_path / "old" / EXPORT)["verdict"] == "error"


def test_the_report_of_a_usage_error_is_of_the_export_that_was_meant(tmp_path: Path) -> None:
    for name in ("old", "old/released"):
        shutil.copytree(FIXTURE, tmp_path / name)
    released = f"released/{EXPORT}"
    assert mctl("validate", "--against", released, "--nosuch", cwd=tmp_path / "old").code == 2
    assert result_in(tmp_path / "old" / EXPORT)["verdict"] == "error"
    assert result_in(tmp_path / "old" / released)["verdict"] == "pass"


@pytest.mark.parametrize("first", [("--quiet",), ("--quite",), ("--provider", "cpu")])
def test_an_option_before_the_command_leaves_no_old_pass(tmp_path: Path, first: tuple[str, ...]) -> None:
    shutil.copytree(FIXTURE, tmp_path / "old")
    assert mctl(*first, "validate", EXPORT, cwd=tmp_path / "old").code == 2
    assert result_in(tmp_path / "old" / EXPORT)["verdict"] == "error"


def test_two_validations_of_one_export_do_not_mix(copy_of_chain: Path) -> None:
    """The second is refused, and leaves the place to the verdict that comes."""
    refused = []

    def another() -> None:
        refused.append(mctl("validate", EXPORT, "--data", "nowhere.csv", cwd=copy_of_chain))
        refused.append(mctl("validate", EXPORT, "--nosuch", cwd=copy_of_chain))
        refused.append(mctl("validate", EXPORT, "--provider", "cuda", cwd=copy_of_chain))
        assert result_in(copy_of_chain / EXPORT, "validation-cuda.json")["error"]["kind"] == "refused"
        assert result_in(copy_of_chain / EXPORT)["error"]["kind"] == "unfinished"

    with mock.patch("mctl.pipeline.validate.measure", side_effect=meanwhile(another)):
        assert mctl("validate", EXPORT, *QUICK, cwd=copy_of_chain).code == 0
    assert [one.code for one in refused] == [2, 2, 2]
    assert "another `mctl validate` is judging this export" in " ".join(refused[0].err.split())
    assert result_in(copy_of_chain / EXPORT)["verdict"] == "pass"
    assert mctl("validate", EXPORT, "--data", "nowhere.csv", cwd=copy_of_chain).code == 2
    assert result_in(copy_of_chain / EXPORT)["verdict"] == "error"


def test_a_verdict_with_another_time_is_no_verdict_of_mctl(copy_of_chain: Path) -> None:
    path, before = copy_of_chain / EXPORT / "validation.json", history(copy_of_chain / EXPORT)
    mine = json.dumps(result_in(path.parent) | {"created": "2026-01-01T00:00:00+00:00"})
    path.write_text(mine, encoding="utf-8")
    assert mctl("validate", EXPORT, *QUICK, cwd=copy_of_chain).code == 2
    assert path.read_text(encoding="utf-8") == mine
    assert history(path.parent) == before


@pytest.mark.parametrize(
    ("raised", "kind", "words"),
    [
        (ZeroDivisionError("by nothing"), "bug", "ZeroDivisionError: by nothing"),
        (KeyboardInterrupt(), "unfinished", "interrupted"),
        (MemoryError(), "bug", "MemoryError"),
    ],
)
def test_a_crash_leaves_a_report_of_itself_and_the_history(
    copy_of_chain: Path, raised: BaseException, kind: str, words: str
) -> None:
    folder = copy_of_chain / EXPORT
    before = history(folder)
    with mock.patch("mctl.pipeline.validate.measure", side_effect=raised):
        assert mctl("validate", EXPORT, *QUICK, cwd=copy_of_chain).code in {2, 70, 130}
    result = result_in(folder)
    assert (result["verdict"], result["error"]["kind"], result["checks"]) == ("error", kind, [])
    assert words in result["error"]["what"]
    assert history(folder) == before
    (suite,) = JUnitXml.fromstring((folder / "junit.xml").read_bytes())
    assert [type(found) for case in suite for found in case.result] == [Error]
    (run,) = Sarif.model_validate_json((folder / "validation.sarif").read_bytes()).runs
    assert [found.level.value for found in run.results or []] == ["error"]
    for name in ("validation.html", "README.md"):
        text = (folder / name).read_text(encoding="utf-8")
        assert words in text and "<title>pass" not in text and "**pass**" not in text
    shown = mctl("report", EXPORT, cwd=copy_of_chain)
    assert shown.code == 0 and "verdict: ERROR" in shown.out


def meanwhile(change: Callable[[], object]) -> Callable[..., Measured]:
    """Measures, and something else happens in that time."""
    from mctl.pipeline.measure import measure

    def measured(*arguments: Any, **more: Any) -> Measured:
        found = measure(*arguments, **more)
        change()
        return found

    return measured


@pytest.mark.parametrize("name", [EXPORT, "artifacts/teacher"])
def test_a_pass_is_not_written_on_what_was_replaced_meanwhile(copy_of_chain: Path, name: str) -> None:
    folder = copy_of_chain / EXPORT
    before = history(folder)
    replaced = meanwhile(lambda: reseal(copy_of_chain / name, lambda manifest: manifest.update(created="2020")))
    with mock.patch("mctl.pipeline.validate.measure", side_effect=replaced):
        ran = mctl("validate", EXPORT, *QUICK, cwd=copy_of_chain)
    assert ran.code == 2
    assert f"{name}: this artifact was replaced or removed while mctl was at work with it" in " ".join(ran.err.split())
    assert (result_in(folder)["verdict"], result_in(folder)["error"]["where"]) == ("error", name)
    assert history(folder) == before


def test_an_export_of_what_was_replaced_meanwhile_is_not_written(copy_of_chain: Path) -> None:
    from mctl.pipeline.saving import save_tokenizer

    def replace(*arguments: Any) -> None:
        save_tokenizer(*arguments)
        reseal(copy_of_chain / "artifacts" / "teacher", lambda manifest: manifest.update(created="2020"))

    with mock.patch("mctl.pipeline.export.save_tokenizer", side_effect=replace):
        ran = mctl("export", "artifacts/teacher", "--fp32", cwd=copy_of_chain)
    assert ran.code == 2
    assert "artifacts/teacher: this artifact was replaced or removed" in " ".join(ran.err.split())
    assert not (copy_of_chain / "artifacts" / "teacher-fp32").exists()


def test_figures_of_what_was_replaced_meanwhile_are_not_written(copy_of_chain: Path) -> None:
    from mctl.pipeline.bench_points import time_point

    def replace(*arguments: Any) -> Any:
        reseal(copy_of_chain / EXPORT, lambda manifest: manifest.update(created="2020"))
        return time_point(*arguments)

    few = ("--rounds", "2", "--batch", "1", "--length", "8", "--no-memory", "--no-energy")
    with mock.patch("mctl.pipeline.bench.time_point", side_effect=replace):
        ran = mctl("bench", EXPORT, *few, cwd=copy_of_chain)
    assert ran.code == 2
    assert "this artifact was replaced or removed" in " ".join(ran.err.split())
    assert not (copy_of_chain / "artifacts" / "bench").exists()


def test_a_file_of_the_users_that_comes_while_is_measured_stays(copy_of_chain: Path) -> None:
    folder = copy_of_chain / EXPORT
    before = history(folder)
    comes = meanwhile(lambda: (folder / "junit.xml").write_text("mine", encoding="utf-8"))
    with mock.patch("mctl.pipeline.validate.measure", side_effect=comes):
        ran = mctl("validate", EXPORT, *QUICK, cwd=copy_of_chain)
    assert ran.code == 2
    assert "junit.xml: a file that mctl did not write is in the way" in " ".join(ran.err.split())
    assert (folder / "junit.xml").read_text(encoding="utf-8") == "mine"
    assert result_in(folder)["verdict"] == "error"
    assert history(folder) == before


def edited(name: str, content: bytes) -> bytes:
    """As somebody changes a report of mctl: JSON gets a note of theirs, and of text the last comment goes with it."""
    if name.endswith(".json"):
        return json.dumps(json.loads(content) | {"reviewed_by": "Asha"}).encode()
    return content.rpartition(b"\n<!-- ")[0].replace(b"passed", b"failed") + b"\n"


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("junit.xml", lambda name, content: b"mine"),
        ("junit.xml", edited),
        ("validation.html", edited),
        ("validation.json", edited),
        ("validation.json", lambda name, content: content.replace(b'"pass"', b'"fail"')),
    ],
)
def test_a_file_of_the_users_in_the_way_stays_and_the_old_pass_does_not(
    copy_of_chain: Path, name: str, change: Callable[[str, bytes], bytes]
) -> None:
    folder = copy_of_chain / EXPORT
    path = folder / name
    mine = change(name, path.read_bytes())
    path.write_bytes(mine)
    before = {kept: (folder / "verdicts" / kept).read_bytes() for kept in history(folder)}
    with mock.patch("mctl.pipeline.validate.measure", side_effect=AssertionError("measured")):
        ran = mctl("validate", EXPORT, *QUICK, cwd=copy_of_chain)
    assert ran.code == 2, ran.err
    assert f"{name}: a file that mctl did not write is in the way" in " ".join(ran.err.split())
    assert path.read_bytes() == mine
    assert {kept: (folder / "verdicts" / kept).read_bytes() for kept in history(folder)} == before
    for other in ("validation.json", "validation.html", "junit.xml", "README.md"):
        if other != name:
            assert b"is in the way" in (folder / other).read_bytes()
    (folder / "config.json").unlink()
    assert mctl("export", cwd=copy_of_chain).code == 2, "it would go with the old export"
    assert path.read_bytes() == mine


def test_a_file_of_the_users_with_a_name_of_the_other_provider_stops_nothing(copy_of_chain: Path) -> None:
    folder = copy_of_chain / EXPORT
    for name in ("junit-cuda.xml", "validation-cuda.json"):
        (folder / name).write_text("mine", encoding="utf-8")
    assert mctl("validate", EXPORT, *QUICK, cwd=copy_of_chain).code == 0
    for name in ("junit-cuda.xml", "validation-cuda.json"):
        assert (folder / name).read_text(encoding="utf-8") == "mine"
    assert not (folder / "validation-cuda.html").exists()


def test_a_file_in_the_way_of_the_history_loses_no_verdict(tmp_path: Path) -> None:
    shutil.copytree(FIXTURE, tmp_path / "old")
    folder = tmp_path / "old" / EXPORT
    (folder / "verdicts").write_text("mine", encoding="utf-8")
    ran = mctl("validate", EXPORT, *QUICK, cwd=tmp_path / "old")
    assert ran.code == 2 and "verdicts: a file that mctl did not write is in the way" in " ".join(ran.err.split())
    assert (folder / "verdicts").read_text(encoding="utf-8") == "mine"
    assert (folder / "validation.json").read_bytes() == (FIXTURE / EXPORT / "validation.json").read_bytes()
    assert b"is in the way" in (folder / "junit.xml").read_bytes()


def test_a_process_that_is_killed_leaves_no_old_pass(copy_of_chain: Path) -> None:
    def die(*_: object, **__: object) -> None:
        found.append(result_in(copy_of_chain / EXPORT))
        raise SystemExit(9)

    found: list[dict[str, Any]] = []
    with mock.patch("mctl.pipeline.validate.find_lineage", side_effect=die):
        mctl("validate", EXPORT, *QUICK, cwd=copy_of_chain)
    assert [(one["verdict"], one["error"]["kind"]) for one in found] == [("error", "unfinished")]


def test_without_a_gpu_cuda_is_refused_and_the_verdict_on_cpu_stays(copy_of_chain: Path) -> None:
    folder = copy_of_chain / EXPORT
    before = (folder / "validation.json").read_bytes()
    with mock.patch("torch.cuda.is_available", return_value=False):
        ran = mctl("validate", EXPORT, "--provider", "cuda", cwd=copy_of_chain)
        benched = mctl("bench", EXPORT, "--provider", "cuda", cwd=copy_of_chain)
    for one in (ran, benched):
        assert one.code == 2 and "Traceback" not in one.err
        assert "CUDA provider" in one.err or "no GPU" in one.err
        assert "--provider" in one.err
    assert (folder / "validation.json").read_bytes() == before
    cuda = result_in(folder, "validation-cuda.json")
    assert (cuda["verdict"], cuda["provider"]) == ("error", "cuda")
    assert (folder / "junit-cuda.xml").is_file()
    newest = mctl("report", EXPORT, "--format", "json", cwd=copy_of_chain)
    assert json.loads(newest.out)["verdict"] == "error"
    asked = mctl("report", EXPORT, "--format", "json", "--provider", "cpu", cwd=copy_of_chain)
    assert json.loads(asked.out)["verdict"] == "pass"


@pytest.mark.parametrize("stale", [True, False])
def test_a_report_on_cuda_of_what_is_there_no_more_is_no_pass(copy_of_chain: Path, stale: bool) -> None:
    """A pass on CUDA is of the export as it was: judged on a CPU, it is known that it is that no more."""
    folder = copy_of_chain / EXPORT
    result = parse_result(folder / "validation.json").model_copy(update={"provider": "cuda"})
    (folder / "validation-cuda.json").write_text(result.model_dump_json(), encoding="utf-8")
    keep_verdict((folder / "validation-cuda.json").read_bytes(), folder)
    if stale:
        reseal(folder, lambda manifest: manifest.update(created="2020"))
    else:
        weights = folder / "model.onnx"
        content = bytearray(weights.read_bytes())
        content[-1] ^= 1
        weights.write_bytes(content)
    ran = mctl("validate", EXPORT, *QUICK, cwd=copy_of_chain)
    assert ran.code == (0 if stale else 1), ran.err
    cuda = result_in(folder, "validation-cuda.json")
    assert cuda["verdict"] == "error" and "--provider cuda" in cuda["error"]["todo"]
    kept = [name for name in history(folder) if name.endswith("-cuda.json")]
    assert len(kept) == 1 and result_in(folder / "verdicts", kept[0])["verdict"] == "pass"


def test_a_sound_report_on_cuda_stays(copy_of_chain: Path) -> None:
    folder = copy_of_chain / EXPORT
    result = parse_result(folder / "validation.json").model_copy(update={"provider": "cuda"})
    (folder / "validation-cuda.json").write_text(result.model_dump_json(), encoding="utf-8")
    before = (folder / "validation-cuda.json").read_bytes()
    assert mctl("validate", EXPORT, *QUICK, cwd=copy_of_chain).code == 0
    assert (folder / "validation-cuda.json").read_bytes() == before


def test_a_folder_that_is_no_export_of_mctl_is_not_written_to(tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "manifest.json").write_text('{"name": "a web app", "kind": "export"}', encoding="utf-8")
    (tmp_path / "app" / "validation.json").write_text("mine", encoding="utf-8")
    refused("validate", "app", cwd=tmp_path, words=["app/manifest.json"])


def test_an_error_report_is_no_release(copy_of_chain: Path, refused: Refused) -> None:
    weights = copy_of_chain / EXPORT / "model.onnx"
    content = weights.read_bytes()
    weights.write_bytes(content[:-1])
    assert mctl("validate", EXPORT, cwd=copy_of_chain).code == 2
    weights.write_bytes(content)
    release = shutil.copy(copy_of_chain / EXPORT / "validation.json", copy_of_chain / "release.json")
    words = ["release.json", "report of an error", "verdicts"]
    refused("validate", EXPORT, "--against", release, cwd=copy_of_chain, words=words, error_report=EXPORT)


def test_json_leaves_one_line_of_verdict_and_reason_on_stderr(copy_of_chain: Path) -> None:
    ran = finish(start("validate", EXPORT, *QUICK, "--json", "--quiet", cwd=copy_of_chain))
    assert ran.code == 0
    assert ran.err.strip() == f"pass: {json.loads(ran.out)['reason']}"


def test_a_recipe_that_is_refused_leaves_no_old_pass(copy_of_chain: Path, refused: Refused) -> None:
    (copy_of_chain / "mctl.toml").write_text("[gate]\nmax_accuracy_drop = -1\n", encoding="utf-8")
    refused("validate", EXPORT, cwd=copy_of_chain, words=["max_accuracy_drop"], error_report=EXPORT)


def test_a_damaged_export_is_not_passed_over_where_none_is_named(copy_of_chain: Path, refused: Refused) -> None:
    """An older export that is whole would be judged in its place, and its last pass would stay."""
    shutil.copytree(copy_of_chain / EXPORT, copy_of_chain / "artifacts" / "older")
    weights = copy_of_chain / EXPORT / "model.onnx"
    weights.write_bytes(weights.read_bytes()[:-1])
    refused("validate", cwd=copy_of_chain, words=[EXPORT, "model.onnx has"], error_report=EXPORT)
