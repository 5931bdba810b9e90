"""The commands that run models, on a GPU as on a CPU."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from command import mctl

EXPORT = "artifacts/prune25-distill-fp16"
PROVIDERS = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]
TEXTS = ["मुंबईत आज जोरदार पाऊस", "क्रिकेट सामन्यात भारताचा विजय", "शेअर बाजारात मोठी घसरण"]


@pytest.fixture(params=PROVIDERS)
def provider(request: pytest.FixtureRequest) -> str:
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("no GPU at hand")
    return str(request.param)


def test_validate(copy_of_chain: Path, provider: str) -> None:
    ran = mctl("validate", EXPORT, "--provider", provider, "--json", cwd=copy_of_chain)
    assert ran.code in (0, 3), ran.err
    result = json.loads(ran.out)
    checks = {check["name"]: check["verdict"] for check in result["checks"]}
    assert {checks[name] for name in ("fusion", "label_agreement", "max_logit_diff")} == {"pass"}
    assert "fail" not in checks.values()


def test_bench(copy_of_chain: Path, provider: str) -> None:
    point = ("--batch", "2", "--length", "8", "--rounds", 5, "--warmup", 1)
    ran = mctl("bench", EXPORT, "--provider", provider, *point, "--json", cwd=copy_of_chain)
    assert ran.code == 0, ran.err
    result = json.loads(ran.out)
    assert result["provider"] == provider
    assert result["points"][0]["missing"] == {}
    for member in result["participants"].values():
        assert member["memory"]["peak_mb"] > member["memory"]["imports_mb"]
        assert (member["memory"]["device_mb"] or 0) > 0 or provider == "cpu"
        assert member["emissions"]["kwh_per_1000_texts"] > 0


@pytest.mark.gpu
def test_predict_says_what_it_says_on_a_cpu(copy_of_chain: Path) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no GPU at hand")
    expected = mctl("predict", "--quiet", "--artifact", EXPORT, *TEXTS, cwd=copy_of_chain)
    ran = mctl("predict", "--quiet", "--artifact", EXPORT, "--provider", "cuda", *TEXTS, cwd=copy_of_chain)
    assert ran.code == 0, ran.err
    labels = [[line.split("\t")[0] for line in out.splitlines()] for out in (ran.out, expected.out)]
    assert labels[0] == labels[1]
    assert len(labels[0]) == len(TEXTS)
