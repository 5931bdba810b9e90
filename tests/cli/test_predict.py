"""`mctl predict`"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from command import mctl
from refusal import Refused

TEXTS = ["मुंबईत आज जोरदार पाऊस", "क्रिकेट सामन्यात भारताचा विजय", "शेअर बाजारात मोठी घसरण"]
LABELS = {"Economy", "Entertainment", "Farming", "Health", "Politics", "Sports", "Technology"}


def type_in(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    """Standard input, in the encoding of an old locale, which must not matter."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), encoding="latin-1"))


def rows(out: str) -> list[tuple[str, float, str]]:
    split = [line.split("\t") for line in out.splitlines()]
    return [(label, float(probability), text) for label, probability, text in split]


def test_arguments(chain: Path) -> None:
    ran = mctl("predict", *TEXTS, cwd=chain)
    assert ran.code == 0, ran.err
    assert [text for _, _, text in rows(ran.out)] == TEXTS
    assert all(label in LABELS and 1 / 7 <= probability <= 1 for label, probability, _ in rows(ran.out))
    assert "using artifacts/prune25-distill-fp16, the newest there is" in ran.err
    assert "\x1b" not in ran.out + ran.err


def test_it_is_right_about_the_data_it_learnt_from(chain: Path) -> None:
    import csv

    with (chain / "news.csv").open(encoding="utf-8", newline="") as file:
        expected = {row["text"]: row["label"] for row in list(csv.DictReader(file))[:70]}
    ran = mctl("predict", "--quiet", *expected, cwd=chain)
    right = sum(expected[text] == label for label, _, text in rows(ran.out))
    assert right > 0.6 * len(expected), "chance is 1 in 7"
    assert ran.err == ""


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_standard_input_is_one_text_a_line_in_utf8(chain: Path, monkeypatch: pytest.MonkeyPatch, ending: bytes) -> None:
    expected = mctl("predict", *TEXTS, cwd=chain).out
    type_in(monkeypatch, ending.join(text.encode() for text in TEXTS))
    ran = mctl("predict", "--batch-size", 2, cwd=chain)
    assert ran.code == 0, ran.err
    assert [(label, text) for label, _, text in rows(ran.out)] == [(label, text) for label, _, text in rows(expected)]


def test_no_input_gives_no_output(chain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    type_in(monkeypatch, b"")
    ran = mctl("predict", cwd=chain)
    assert (ran.code, ran.out) == (0, "")


def test_json_has_one_object_a_line(chain: Path) -> None:
    plain = rows(mctl("predict", *TEXTS, cwd=chain).out)
    ran = mctl("predict", "--json", *TEXTS, cwd=chain)
    found = [json.loads(line) for line in ran.out.splitlines()]
    assert [set(row) for row in found] == [{"label", "probability", "text"}] * len(TEXTS)
    for row, (label, probability, text) in zip(found, plain, strict=True):
        assert (row["label"], row["text"]) == (label, text)
        assert row["probability"] == pytest.approx(probability, abs=1e-4)


@pytest.mark.parametrize("name", ["teacher", "prune25-distill"])
def test_artifacts_in_pytorch_answer_too(chain: Path, name: str) -> None:
    ran = mctl("predict", "--artifact", f"artifacts/{name}", *TEXTS, cwd=chain)
    assert ran.code == 0, ran.err
    assert [text for _, _, text in rows(ran.out)] == TEXTS


def test_bytes_that_are_not_utf8_are_named_by_line(
    chain: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    type_in(monkeypatch, b"ok\n" + b"\xff\xfe\n")
    refused("predict", cwd=chain, words=["stdin, line 2", "not UTF-8", "iconv"])
    refused("predict", "ok", b"\xff".decode("utf-8", "surrogateescape"), cwd=chain, words=["text 2", "not UTF-8"])
