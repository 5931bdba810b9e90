"""Further texts without labels over the command line."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from command import mctl
from reseal import reseal

from mctl.artifact import load_artifact
from mctl.data import DataSettings, load
from mctl.samples import headlines

QUICK = ("compress", "--distill", "--ramp-epochs", 1, "--recovery-epochs", 0, "--name", "more")
OTHER = [text for text, _ in headlines(99, 40)]


def known(folder: Path, split: str) -> list[str]:
    """Texts of the data."""
    return list(load(DataSettings(source=str(folder / "news.csv"))).splits[split].texts)


def new(folder: Path) -> list[str]:
    """Headlines that the data does not have."""
    return sorted(set(OTHER) - {text for split in ("train", "dev", "test") for text in known(folder, split)})


def written(path: Path, lines: list[str]) -> str:
    path.write_text("\n".join(lines), encoding="utf-8")
    return path.name


def test_a_student_learns_from_texts_without_labels(copy_of_chain: Path) -> None:
    lines, tested = new(copy_of_chain), known(copy_of_chain, "test")
    assert len(lines) > 20
    paragraph = " ".join(lines)
    first = written(copy_of_chain / "first.txt", [*lines, *tested, lines[0]])
    second = written(copy_of_chain / "second.jsonl", [json.dumps({"text": paragraph}, ensure_ascii=False)])
    ran = mctl(*QUICK, "--unlabelled", first, "--unlabelled", second, cwd=copy_of_chain)
    assert ran.code == 0, ran.err
    counts = f"{len(lines) + 2} unlabelled texts ({len(tested)} more are in the data) are learnt from as well, as "
    assert counts in ran.err
    learnt = int(ran.err.split(counts)[1].split()[0])
    assert learnt > len(lines) + 10, "the paragraph is cut"
    assert learnt <= len(lines) + len(paragraph.split())
    manifest = json.loads((copy_of_chain / "artifacts" / "more" / "manifest.json").read_text())
    assert manifest["recipe"]["compress"]["unlabelled"] == [first, second]


def test_texts_that_a_student_learnt_without_labels_are_no_test(copy_of_chain: Path) -> None:
    rows = [(text, label) for text, label in headlines(99, 40) if text in new(copy_of_chain)]
    lines = [text for text, _ in rows]
    assert mctl(*QUICK, "--unlabelled", written(copy_of_chain / "a.txt", lines), cwd=copy_of_chain).code == 0
    assert mctl("export", "artifacts/more", "--fp32", cwd=copy_of_chain).code == 0
    with (copy_of_chain / "tests.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *((f"{text} ", label) for text, label in rows)])
    judge = ("validate", "artifacts/more-fp32", "--data", "tests.csv", "--no-emissions", "--repeats", "2", "--json")
    ran = mctl(*judge, cwd=copy_of_chain)
    (data,) = [check for check in json.loads(ran.out)["checks"] if check["name"] == "data"]
    assert (ran.code, data["verdict"], data["figure"]) == (1, "fail", len(set(lines)))
    for change in (lambda: written(copy_of_chain / "a.txt", lines[1:]), lambda: forget(copy_of_chain / "artifacts")):
        change()
        ran = mctl(*judge, cwd=copy_of_chain)
        (data,) = [check for check in json.loads(ran.out)["checks"] if check["name"] == "data"]
        assert (ran.code, data["verdict"]) == (3, "inconclusive"), "nobody can tell any more"


def forget(artifacts: Path) -> None:
    """Have a student know no hashes of its texts, as those of 0.1.0."""
    reseal(artifacts / "more", lambda manifest: manifest["facts"].pop("unlabelled_sha256"))
    sha256 = load_artifact(artifacts / "more").as_parent().manifest_sha256
    reseal(artifacts / "more-fp32", lambda manifest: manifest["parents"][0].update(manifest_sha256=sha256))
    assert mctl("inspect", "artifacts/more-fp32", cwd=artifacts.parent).code == 0


def test_texts_of_the_data_that_were_left_out_of_training_are_a_test(copy_of_chain: Path) -> None:
    test = list(load(DataSettings(source=str(copy_of_chain / "news.csv"))).splits["test"])
    pool = written(copy_of_chain / "a.txt", [*new(copy_of_chain), *(text for text, _ in test)])
    assert mctl(*QUICK, "--unlabelled", pool, cwd=copy_of_chain).code == 0
    assert mctl("export", "artifacts/more", "--fp32", cwd=copy_of_chain).code == 0
    with (copy_of_chain / "tests.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *test])
    judge = ("validate", "artifacts/more-fp32", "--data", "tests.csv", "--no-emissions", "--repeats", "2", "--json")
    (data,) = [one for one in json.loads(mctl(*judge, cwd=copy_of_chain).out)["checks"] if one["name"] == "data"]
    assert (data["verdict"], data["figure"]) == ("info", 0)


def test_other_texts_make_another_student_and_another_name_does_not(copy_of_chain: Path) -> None:
    lines = new(copy_of_chain)
    assert mctl(*QUICK, "--unlabelled", written(copy_of_chain / "a.txt", lines), cwd=copy_of_chain).code == 0
    again = mctl(*QUICK, "--unlabelled", written(copy_of_chain / "b.txt", lines), cwd=copy_of_chain)
    assert again.code == 0
    assert "epoch" not in again.err, "the same texts: nothing is to be done"
    other = mctl(*QUICK, "--unlabelled", written(copy_of_chain / "b.txt", lines[1:]), cwd=copy_of_chain)
    assert other.code == 0
    assert "epoch 1" in other.err
