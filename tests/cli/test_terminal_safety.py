"""Texts and labels with rich markup and control characters: shown as they are, and never obeyed."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from command import Ran, mctl
from reseal import reseal

MARKUP = "[red]hot[/red]"
CONTROL = "blue\x1b[31mred"
SHOWN = r"blue\x1b[31mred"
# What rich itself writes to a terminal.
STYLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture(params=[False, True], ids=["pipe", "terminal"])
def terminal(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether rich believes that it writes to a terminal."""
    if request.param:
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("COLUMNS", "300")
    return bool(request.param)


def shown(text: str, terminal: bool) -> str:
    """Output without rich's own colours, of which there are none in a pipe."""
    if not terminal:
        assert "\x1b" not in text
    return STYLE.sub("", text)


def write(folder: Path, *labels: str) -> None:
    """The sample's data with its first labels replaced."""
    with (folder / "news.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    old = sorted({row[1] for row in rows[1:]})
    names = dict(zip(old, labels, strict=False))
    with (folder / "odd.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([rows[0], *([row[0], names.get(row[1], row[1]), row[2]] for row in rows[1:])])


def test_labels_in_an_error(copy_of_chain: Path, terminal: bool) -> None:
    write(copy_of_chain, MARKUP)
    ran = mctl("compress", "--teacher", "artifacts/teacher", "--data", "odd.csv", cwd=copy_of_chain)
    assert ran.code == 2
    assert f"'{MARKUP}'" in shown(ran.err, terminal)


def test_names_in_an_error(tmp_path: Path, terminal: bool) -> None:
    ran = mctl("finetune", "--model", f"./{CONTROL}{MARKUP}", "--data", "x.csv", cwd=tmp_path)
    assert ran.code == 2
    assert f"{SHOWN}{MARKUP}: there is no" in shown(ran.err, terminal)
    if terminal:
        assert ran.err.count("\x1b[31m") == 1, "red is the paragraph, from its start"


def test_names_in_tables_and_messages(copy_of_chain: Path, terminal: bool) -> None:
    name, shown_name = f"{CONTROL}[bold]", f"{SHOWN}[bold]"
    manifest = copy_of_chain / "artifacts" / "teacher" / "manifest.json"
    reseal(manifest.parent, lambda content: content["data"].update(source=name))
    odd = manifest.parent.rename(manifest.parent.with_name(name))
    ran = mctl("inspect", odd.relative_to(copy_of_chain), cwd=copy_of_chain)
    assert ran.code == 0, ran.err
    assert shown(ran.out, terminal).count(shown_name) == 2, "its name and its data"
    for path in (copy_of_chain / "artifacts").iterdir():
        if path != odd:
            (path / "manifest.json").unlink()
    ran = mctl("predict", "text", cwd=copy_of_chain)
    assert ran.code == 0, ran.err
    assert f"using artifacts/{shown_name}, the newest there is" in shown(ran.err, terminal)


@pytest.fixture(scope="module")
def odd_teacher(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a teacher whose labels are all of markup and controls."""
    import shutil

    folder = Path(shutil.copytree(sample, tmp_path_factory.mktemp("odd") / "work"))
    write(folder, *([MARKUP, "a\tb", "[bold]", "[/]", CONTROL, ":smile:", "\\[x]"]))
    ran = mctl("finetune", "--data", "odd.csv", "--epochs", 1, cwd=folder)
    assert ran.code == 0, ran.err
    return folder


def predicted(ran: Ran) -> list[list[str]]:
    assert ran.code == 0, ran.err
    return [line.split("\t") for line in ran.out.splitlines()]


def test_labels_and_texts_in_predictions(odd_teacher: Path, terminal: bool) -> None:
    config = json.loads((odd_teacher / "artifacts" / "teacher" / "config.json").read_text())
    labels = set(config["id2label"].values())
    assert {MARKUP, "[bold]", "[/]", ":smile:", "\\[x]"} <= labels
    texts = [MARKUP, CONTROL, "two\tfields", "[/]", "bell\x07 and c1 \x9b31m", "र्\u200dय आणि क्\u200cष"]
    rows = predicted(mctl("predict", *texts, cwd=odd_teacher))
    # As the model gets them: tidied like texts of the training. Joiners belong to Marathi's spelling.
    assert [row[2] for row in rows] == [
        MARKUP,
        CONTROL.replace("\x1b", ""),
        "two fields",
        "[/]",
        "bell and c1 31m",
        texts[-1],
    ]
    assert {row[0] for row in rows} <= {label.encode("unicode_escape").decode() for label in labels} | labels


def test_json_predictions_keep_everything_and_hold_no_raw_control(odd_teacher: Path) -> None:
    texts = [MARKUP, CONTROL, "two\tfields", "c1 \x9b31m", "र्\u200dय"]
    ran = mctl("predict", "--json", *texts, cwd=odd_teacher)
    assert ran.code == 0, ran.err
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", ran.out)
    tidied = [MARKUP, CONTROL.replace("\x1b", ""), "two fields", "c1 31m", texts[-1]]
    assert [json.loads(line)["text"] for line in ran.out.splitlines()] == tidied
