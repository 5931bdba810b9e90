"""Fewer tokens over the command line: alone, and with everything else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from command import mctl
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from mctl.data import DataSettings, load


def facts_of(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "manifest.json").read_text())["facts"])


def logits(folder: Path, texts: list[str]) -> torch.Tensor:
    """(texts, classes)."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder, trust_remote_code=True).eval()
    with torch.no_grad():
        return model(**tokenizer(texts, padding=True, truncation=True, max_length=16, return_tensors="pt")).logits


def test_tokens_alone(copy_of_chain: Path) -> None:
    """No weight changes: the logits of every training text are those of the teacher."""
    ran = mctl("compress", "--prune", 0, "--no-distill", "--trim-vocab", "--vocab-spare", 0, cwd=copy_of_chain)
    assert ran.code == 0, ran.err
    assert "recover" not in ran.err, "there is nothing to learn"
    artifacts = copy_of_chain / "artifacts"
    vocabulary = facts_of(artifacts / "prune0-vocab")["vocabulary"]
    assert vocabulary["tokens_after"] < vocabulary["tokens_before"]
    assert len(AutoTokenizer.from_pretrained(artifacts / "prune0-vocab")) == vocabulary["tokens_after"]
    texts = list(load(DataSettings(source=str(copy_of_chain / "news.csv"))).splits["train"].texts)
    torch.testing.assert_close(
        logits(artifacts / "prune0-vocab", texts), logits(artifacts / "teacher", texts), rtol=0, atol=1e-6
    )


def test_tokens_of_a_corpus_stay(copy_of_chain: Path) -> None:
    artifacts = copy_of_chain / "artifacts"
    flags = ("compress", "--prune", 0, "--no-distill", "--trim-vocab", "--vocab-spare", 0)
    before = AutoTokenizer.from_pretrained(artifacts / "teacher")
    assert mctl(*flags, "--name", "without", cwd=copy_of_chain).code == 0
    kept = set(AutoTokenizer.from_pretrained(artifacts / "without").get_vocab())
    lost = sorted(set(before.get_vocab()) - kept, key=len)[-5:]
    (copy_of_chain / "more.txt").write_text("\n".join(before.convert_tokens_to_string([piece]) for piece in lost))
    assert mctl(*flags, "--vocab-corpus", "more.txt", "--name", "with", cwd=copy_of_chain).code == 0
    after = AutoTokenizer.from_pretrained(artifacts / "with")
    assert kept < set(after.get_vocab())
    for line in (copy_of_chain / "more.txt").read_text().splitlines():
        assert after.tokenize(line) == before.tokenize(line)


def test_with_all_the_rest(copy_of_chain: Path) -> None:
    """Pruned, taught by altered copies, trimmed, exported and validated."""
    flags = ("--prune", 40, "--distill", "--augment", 1, "--ramp-epochs", 1, "--recovery-epochs", 1, "--trim-vocab")
    ran = mctl("compress", *flags, "--vocab-spare", 20, "--name", "small", cwd=copy_of_chain)
    assert ran.code == 0, ran.err
    assert "of the test texts have other tokens than before" in ran.err
    small = copy_of_chain / "artifacts" / "small"
    assert facts_of(small)["vocabulary"]["test"]["texts"] > 0
    ran = mctl("export", "artifacts/small", "--fp32", cwd=copy_of_chain)
    assert ran.code == 0, ran.err
    ran = mctl("validate", "artifacts/small-fp32", cwd=copy_of_chain)
    assert ran.code == 0, ran.err + ran.out
    judged = json.loads((copy_of_chain / "artifacts" / "small-fp32" / "validation.json").read_text())["participants"]
    for role, name in (("baseline", "teacher"), ("source", "small")):
        own = facts_of(copy_of_chain / "artifacts" / name)["metrics"]["test"]["accuracy"]
        assert judged[role]["accuracy"] == own, f"the {role} was asked in tokens of another"
