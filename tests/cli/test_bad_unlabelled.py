"""Files of texts without labels that are of no use."""

from __future__ import annotations

from pathlib import Path

from refusal import Refused

from mctl.data import DataSettings, load
from mctl.samples import headlines

QUICK = ("compress", "--distill", "--ramp-epochs", 1, "--recovery-epochs", 0, "--name", "more")


def written(path: Path, lines: list[str]) -> str:
    path.write_text("\n".join(lines), encoding="utf-8")
    return path.name


def test_texts_that_the_data_has_already_are_of_no_use(copy_of_chain: Path, refused: Refused) -> None:
    tested = load(DataSettings(source=str(copy_of_chain / "news.csv"))).splits["test"].texts
    name = written(copy_of_chain / "known.txt", [f" {text}  " for text in tested])
    words = ["--unlabelled known.txt", "no text in it that the data does not have"]
    refused(*QUICK, "--unlabelled", name, cwd=copy_of_chain, words=words)


def test_texts_that_nobody_labels_are_refused(copy_of_chain: Path, refused: Refused) -> None:
    name = written(copy_of_chain / "more.txt", [text for text, _ in headlines(99, 40)])
    words = ["--unlabelled", "Add --distill"]
    refused("compress", "--no-distill", "--unlabelled", name, cwd=copy_of_chain, words=words)


def test_no_such_file_and_a_file_of_unclear_columns(copy_of_chain: Path, refused: Refused) -> None:
    refused(
        *QUICK, "--unlabelled", "missing.txt", cwd=copy_of_chain, words=["--unlabelled missing.txt", "no such file"]
    )
    name = written(copy_of_chain / "more.jsonl", ['{"title": "a", "body": "b"}'])
    refused(*QUICK, "--unlabelled", name, cwd=copy_of_chain, words=["--unlabelled more.jsonl", "which column"])
