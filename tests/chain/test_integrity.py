"""What hashes cannot find, because somebody wrote new ones: the integrity checks that look at what is in the files."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command import mctl
from reseal import reseal

from mctl.artifact import load_artifact
from mctl.data import DataSettings, load
from mctl.pipeline.inherit import is_data_of

EXPORT, SOURCE = "artifacts/prune25-distill-fp16", "artifacts/prune25-distill"


def judged(folder: Path, *flags: str) -> tuple[int, dict[str, Any]]:
    """Exit code and result of a validation without energy."""
    ran = mctl("validate", EXPORT, "--no-emissions", "--repeats", "2", "--json", *flags, cwd=folder)
    assert ran.out, ran.err
    return ran.code, json.loads(ran.out)


def check(result: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [one for one in result["checks"] if one["name"] == name]
    return dict(found)


def test_a_sound_export_says_so(copy_of_chain: Path) -> None:
    code, result = judged(copy_of_chain)
    assert code == 0
    names = ["export_files", "source_files", "baseline_files", "strip", "labels", "graph", "weights", "fusion"]
    names += ["fp16_share", "data"]
    found = [one for one in result["checks"] if one["group"] == "integrity"]
    assert [(one["name"], one["verdict"]) for one in found] == [(name, "pass") for name in names]


def test_data_that_were_changed_fail_and_are_named(copy_of_chain: Path) -> None:
    news = copy_of_chain / "news.csv"
    lines = news.read_text(encoding="utf-8").splitlines(keepends=True)
    news.write_text("".join(lines[:-1]), encoding="utf-8")
    code, result = judged(copy_of_chain)
    assert code == 1
    assert "news.csv" in check(result, "data")["why"]
    assert "Nothing was measured" in result["notes"][0]
    assert result["comparison"] is None


@pytest.mark.parametrize("named", ["../chain/news.csv", "{chain}/news.csv", "linked.csv"])
def test_data_that_were_changed_are_no_other_data_from_another_folder(
    copy_of_chain: Path, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    news, elsewhere = copy_of_chain / "news.csv", copy_of_chain.parent / "elsewhere"
    news.write_text("".join(news.read_text(encoding="utf-8").splitlines(keepends=True)[:-1]), encoding="utf-8")
    elsewhere.mkdir()
    (elsewhere / "linked.csv").symlink_to(news)
    source = named.format(chain=copy_of_chain)
    flags = ("--data", source, "--unseen-data", "--no-emissions", "--json")
    ran = mctl("validate", copy_of_chain / EXPORT, *flags, cwd=elsewhere)
    found = check(json.loads(ran.out), "data")
    assert (ran.code, found["verdict"]) == (1, "fail"), ran.err
    assert "is not what it was when the models were made" in found["why"]
    write_rows(elsewhere / "news.csv", [("another file of this name", "Sports")])
    monkeypatch.chdir(elsewhere)
    artifact = load_artifact(copy_of_chain / SOURCE)
    assert is_data_of(source, artifact)
    assert not is_data_of("news.csv", artifact)


def write_rows(path: Path, rows: list[tuple[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])


@pytest.mark.parametrize(("old", "new"), [("", ""), (" ", "  "), (" ", "\u00a0"), (" ", " \u200b")])
def test_texts_that_were_trained_on_are_no_test(copy_of_chain: Path, old: str, new: str) -> None:
    """Other data whose test split holds them, found because the data of the training are still there."""
    trained_on = load(DataSettings(source=str(copy_of_chain / "news.csv"))).splits["train"]
    write_rows(copy_of_chain / "other.csv", [(text.replace(old, new), label) for text, label in trained_on])
    code, result = judged(copy_of_chain, "--data", "other.csv", "--unseen-data")
    assert (code, check(result, "data")["verdict"]) == (1, "fail")
    assert check(result, "data")["figure"] > 0
    assert "trained on" in check(result, "data")["why"]


def test_other_data_on_purpose_are_remarked_on(copy_of_chain: Path) -> None:
    splits = load(DataSettings(source=str(copy_of_chain / "news.csv"))).splits.values()
    write_rows(copy_of_chain / "other.csv", [(f"आता {text}", label) for split in splits for text, label in split])
    code, result = judged(copy_of_chain, "--data", "other.csv")
    assert (code, check(result, "data")["verdict"]) == (0, "info")
    shutil.move(copy_of_chain / "news.csv", copy_of_chain / "moved.csv")
    code, result = judged(copy_of_chain, "--data", "moved.csv")
    assert (code, check(result, "data")["verdict"]) == (0, "pass")
    code, result = judged(copy_of_chain, "--data", "other.csv")
    assert (code, check(result, "data")["verdict"]) == (3, "inconclusive")
    code, result = judged(copy_of_chain, "--data", "other.csv", "--unseen-data")
    assert (code, check(result, "data")["verdict"]) == (0, "info")


def swap_labels(folder: Path) -> None:
    path = folder / EXPORT / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    names = config["id2label"]
    names["0"], names["1"] = names["1"], names["0"]
    config["label2id"] = {name: int(index) for index, name in names.items()}
    path.write_text(json.dumps(config), encoding="utf-8")


def full_weights(folder: Path) -> None:
    """The graph of an fp32 export under the name of an fp16 one."""
    ran = mctl("export", SOURCE, "--fp32", "--graph", "fused", "--artifacts", "artifacts", cwd=folder)
    assert ran.code == 0, ran.err
    shutil.copy(folder / ran.out.strip() / "model.onnx", folder / EXPORT / "model.onnx")


def plain_graph(folder: Path) -> None:
    ran = mctl("export", SOURCE, "--fp16", "--graph", "plain", cwd=folder)
    assert ran.code == 0, ran.err
    shutil.copy(folder / ran.out.strip() / "model.onnx", folder / EXPORT / "model.onnx")


@pytest.mark.parametrize(
    ("harm", "name", "word"),
    [
        (swap_labels, "labels", "number their classes differently"),
        (full_weights, "fp16_share", "0.00 % of the weights are fp16"),
        (plain_graph, "fusion", "Attention"),
    ],
)
def test_what_vouches_for_itself_is_found_out(
    copy_of_chain: Path, harm: Callable[[Path], None], name: str, word: str
) -> None:
    harm(copy_of_chain)
    reseal(copy_of_chain / EXPORT)
    code, result = judged(copy_of_chain)
    assert code == 1
    assert check(result, name)["verdict"] == "fail"
    assert word in check(result, name)["why"]


def test_a_model_that_does_not_run_on_its_own_tokens_fails(copy_of_chain: Path) -> None:
    path = copy_of_chain / EXPORT / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    vocabulary = content["model"]["vocab"]
    vocabulary.update({token: number + 9000 for token, number in vocabulary.items() if not token.startswith("[")})
    path.write_text(json.dumps(content), encoding="utf-8")
    reseal(copy_of_chain / EXPORT)
    code, result = judged(copy_of_chain)
    assert code == 1
    assert check(result, "runs")["why"].startswith("export does not run on the test texts")
    assert result["comparison"] is None


def test_a_tokenizer_that_leaves_out_an_input_is_refused(copy_of_chain: Path) -> None:
    path = copy_of_chain / EXPORT / "tokenizer_config.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(content | {"model_input_names": ["input_ids"]}), encoding="utf-8")
    reseal(copy_of_chain / EXPORT)
    ran = mctl("validate", EXPORT, "--no-emissions", cwd=copy_of_chain)
    assert (ran.code, "attention_mask" in ran.err, "Traceback" in ran.err) == (2, True, False)


def test_a_report_that_was_being_written_is_no_part_of_an_artifact(copy_of_chain: Path) -> None:
    (copy_of_chain / EXPORT / ".validation.html.4711.tmp").write_text("<!doc", encoding="utf-8")
    code, result = judged(copy_of_chain)
    assert (code, check(result, "export_files")["verdict"]) == (0, "pass")
    (copy_of_chain / EXPORT / ".else.4711.tmp").write_text("", encoding="utf-8")
    code, result = judged(copy_of_chain)
    assert (code, check(result, "export_files")["verdict"]) == (1, "fail")


def test_the_evidence_of_a_pass_does_not_outlive_the_export(copy_of_chain: Path) -> None:
    judged(copy_of_chain)
    reports = ("validation.json", "validation.html", "junit.xml", "validation.sarif")
    assert all((copy_of_chain / EXPORT / name).is_file() for name in reports)
    graph = copy_of_chain / EXPORT / "model.onnx"
    graph.write_bytes(graph.read_bytes()[:-1])
    assert mctl("validate", EXPORT, "--no-emissions", cwd=copy_of_chain).code == 2
    for name in (*reports, "README.md"):
        assert "model.onnx has" in (copy_of_chain / EXPORT / name).read_text(encoding="utf-8")
    result = json.loads((copy_of_chain / EXPORT / "validation.json").read_text(encoding="utf-8"))
    assert (result["verdict"], result["participants"]) == ("error", {})
    kept = [json.loads(path.read_bytes())["verdict"] for path in (copy_of_chain / EXPORT / "verdicts").iterdir()]
    assert kept == ["pass", "pass"]


def test_an_export_for_cuda_that_is_not_fused_is_remarked_on_where_it_does_not_count(copy_of_chain: Path) -> None:
    ran = mctl("export", SOURCE, "--fp16", "--graph", "plain", cwd=copy_of_chain)
    assert ran.code == 0, ran.err
    judged_there = mctl("validate", ran.out.strip(), "--no-emissions", "--json", cwd=copy_of_chain)
    assert judged_there.code == 0
    assert any("no attention in it is fused" in note for note in json.loads(judged_there.out)["notes"])


def test_a_tokenizer_of_another_model_is_no_parity(copy_of_chain: Path) -> None:
    path = copy_of_chain / EXPORT / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    vocabulary = content["model"]["vocab"]
    special = {token["content"] for token in content["added_tokens"]}
    others = [token for token in vocabulary if token not in special]
    numbers = [vocabulary[token] for token in others]
    vocabulary.update(zip(others, [*numbers[7:], *numbers[:7]], strict=True))
    path.write_text(json.dumps(content), encoding="utf-8")
    reseal(copy_of_chain / EXPORT)
    code, result = judged(copy_of_chain)
    assert code == 1
    assert check(result, "label_agreement")["verdict"] == "fail"
