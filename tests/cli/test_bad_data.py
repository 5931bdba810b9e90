"""Data that cannot be used, through `mctl finetune` and `mctl compress`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from command import mctl
from refusal import Refused
from transformers import AutoModelForSequenceClassification, AutoTokenizer

ONE_CLASS = "text,label\n" + "".join(f"text {number},Sports\n" for number in range(30))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("missing.csv", None, ["missing.csv", "no such file", "Check the path"]),
        ("empty.csv", "", ["empty.csv", "is empty", "Give it rows"]),
        ("table.parquet", "text,label\na,b\n", ["table.parquet", "not a Parquet file", "Write it anew"]),
        ("lines.csv", '{"text": "a", "label": "b"}\n', ["lines.csv", "this is JSON", ".jsonl"]),
        ("columns.csv", "a,b\n1,2\n", ["columns.csv", "--text", "Columns: 'a', 'b'"]),
        ("one.csv", ONE_CLASS, ["one.csv", "only the class 'Sports'", "two classes or more"]),
        ("header.csv", "text,label\n", ["header.csv", "no row", "Give it rows"]),
    ],
)
def test_data_that_cannot_be_used(
    copy_of_sample: Path, refused: Refused, name: str, content: str | None, words: list[str]
) -> None:
    if content is not None:
        (copy_of_sample / name).write_text(content)
    refused("finetune", "--data", name, cwd=copy_of_sample, words=words)


def test_no_data_at_all(copy_of_sample: Path, refused: Refused) -> None:
    (copy_of_sample / "mctl.toml").unlink()
    refused("finetune", "--model", "encoder", cwd=copy_of_sample, words=["no data is named", "--data", "mctl.toml"])


def test_labels_that_the_teacher_does_not_know(copy_of_chain: Path, refused: Refused) -> None:
    news = copy_of_chain / "news.csv"
    other = news.with_name("other.csv")
    other.write_text(news.read_text(encoding="utf-8").replace(",Sports,", ",Chess,"), encoding="utf-8")
    words = ["other.csv", "'Chess' (", "The teacher knows: ", "'Sports'", 'unknown_labels = "drop"']
    refused("compress", "--teacher", "artifacts/teacher", "--data", "other.csv", cwd=copy_of_chain, words=words)


def reorder(teacher: Path, folder: Path) -> list[str]:
    """Write the same classifier with its classes in another order; returns that order."""
    model: Any = AutoModelForSequenceClassification.from_pretrained(teacher)
    names = [model.config.id2label[index] for index in range(model.config.num_labels)]
    order = [3, 0, 6, 1, 5, 2, 4]
    assert sorted(order) == list(range(len(names)))
    with torch.no_grad():
        for parameter in (model.classifier.weight, model.classifier.bias):
            parameter.copy_(parameter[order].clone())
    shuffled = [names[index] for index in order]
    model.config.id2label = dict(enumerate(shuffled))
    model.config.label2id = {name: index for index, name in enumerate(shuffled)}
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(teacher).save_pretrained(folder)
    return shuffled


def test_labels_are_matched_by_name_and_never_by_position(copy_of_chain: Path) -> None:
    artifacts = copy_of_chain / "artifacts"
    shuffled = reorder(artifacts / "teacher", copy_of_chain / "shuffled")
    assert shuffled != sorted(shuffled)
    original = json.loads((artifacts / "teacher" / "manifest.json").read_text())["facts"]["metrics"]
    ran = mctl(
        *("compress", "--teacher", "./shuffled", "--prune", 10, "--ramp-epochs", 1, "--recovery-epochs", 0),
        *("--no-distill", "--artifacts", "other"),
        cwd=copy_of_chain,
    )
    assert ran.code == 0, ran.err
    adopted = json.loads((copy_of_chain / "other" / "teacher" / "manifest.json").read_text())["facts"]["metrics"]
    for split in ("dev", "test"):
        assert adopted[split] == pytest.approx(original[split])
    assert adopted["test"]["accuracy"] > 0.5, "chance is 1 in 7"
    compressed = json.loads((copy_of_chain / "other" / "prune10" / "config.json").read_text())
    assert [compressed["id2label"][str(index)] for index in range(7)] == shuffled


def test_texts_that_are_cut_are_counted(copy_of_sample: Path) -> None:
    ran = mctl("finetune", "--max-length", 8, "--epochs", 1, cwd=copy_of_sample)
    assert ran.code == 0, ran.err
    tokenizer = AutoTokenizer.from_pretrained(copy_of_sample / "encoder")
    # The training texts are those that are neither in dev nor in test: count over the same split.
    from mctl.data import DataSettings, load

    texts = load(DataSettings(source=str(copy_of_sample / "news.csv"))).splits["train"].texts
    longer = sum(len(ids) > 8 for ids in tokenizer(list(texts))["input_ids"])
    assert 0 < longer < len(texts)
    assert f"{longer} of {len(texts)} training texts are longer than 8 tokens and are cut" in ran.err
